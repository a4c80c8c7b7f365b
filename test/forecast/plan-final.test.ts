// The size of a final network follows the measured speed of its own steps.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { budgetRule } from '../../src/forecast/budget.ts';
import { finalCosts } from '../../src/forecast/budget-costs.ts';
import { startingLaws } from '../../src/forecast/cost-law.ts';
import { planFinal } from '../../src/forecast/plan-final.ts';
import { costOptions } from '../../src/forecast/start.ts';
import { Candidate } from '../../src/study/candidate.ts';
import { finalSizes } from '../../src/study/final-training.ts';
import { fitted, settingsOf } from '../../src/study/presets.ts';
import type { Training } from '../../src/study/settings.ts';

const counts = { images: 50_000, classes: 10, test: 10_000 };
const settings = fitted(settingsOf('laptop', { dataset: 'cifar10', seed: 1 }), counts);
const options = costOptions({ settings, counts, workers: 2 }, startingLaws);
const quick = new Candidate(settings.known[0]!, settings.space);
const sizes = finalSizes(settings);
const wide = sizes.findIndex(({ filters, resolution }) => filters === 16 && resolution === 32);
const { epoch, once, fewestEpochs } = finalCosts([quick], options)[wide]!;

/** Plans with predicted time for this share of the fewest epochs of F = 16. Also returns the filters measured. */
async function planned(share: number, ratioOf: (training: Training) => number | undefined) {
  const measured: number[] = [];
  const budget = 480;
  const left = once + share * fewestEpochs * epoch + budgetRule.start + budgetRule.reserve * budget;
  const measure = async (_: unknown, training: Training) => {
    measured.push(training.filters);
    return ratioOf(training);
  };
  const plan = await planFinal(quick, options, { budget, left: () => left }, { measure });
  return { plan, measured };
}

test('a size that is predicted to be somewhat too large is measured, and chosen if its steps are fast enough', async () => {
  const fast = await planned(0.8, ({ filters }) => (filters === 16 ? 0.75 : 1));
  assert.deepEqual([fast.plan.size, fast.measured], [wide, [8, 16]]);
  assert.ok(Math.abs(fast.plan.epochs / ((0.8 * fewestEpochs) / 0.75) - 1) < 0.03, `${fast.plan.epochs}`);
  const slow = await planned(0.8, () => 1);
  assert.deepEqual([slow.plan.size, slow.measured], [wide - 1, [8, 16]]);
  assert.deepEqual((await planned(0.5, () => 1)).measured, [8], 'far too large');
});

test('a size whose steps are slower than predicted gives way to the next smaller one, by its own speed', async () => {
  const { plan, measured } = await planned(1.1, ({ filters }) => (filters === 16 ? 2 : 1));
  assert.deepEqual([plan.size, measured], [wide - 1, [16, 8]]);
});

test('measuring takes a tenth of the time, however slow the machine is', async () => {
  const measured: number[] = [];
  let left = once + 1.1 * fewestEpochs * epoch;
  const most: number[] = [];
  const measure = async (_: unknown, { filters }: Training, _seconds: number, limit: number) => {
    measured.push(filters);
    most.push(limit / left);
    left -= 60;
    return 2;
  };
  const { size } = await planFinal(quick, options, { budget: 480, left: () => left }, { measure });
  assert.deepEqual([measured, most], [[16], [0.1]]);
  assert.ok(size < wide, 'the smaller size has the ratio of the measured one');
});

test('a size that cannot be measured has the ratio of the nearest measured one', async () => {
  const { plan, measured } = await planned(0.8, ({ filters }) => (filters === 8 ? 0.75 : undefined));
  assert.deepEqual([plan.size, measured], [wide, [8, 16]]);
});

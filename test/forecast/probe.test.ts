// The measured speed of a final network, with a runner whose steps take a known time.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lawValue, startingLaws, stepTerms } from '../../src/forecast/cost-law.ts';
import { epochRatio, measureLaws } from '../../src/forecast/probe.ts';
import { type ProbeJob, start } from '../../src/forecast/probe-job.ts';
import { Network } from '../../src/model/network.ts';
import { defaultSpace } from '../../src/space/search-space.ts';
import { Candidate } from '../../src/study/candidate.ts';
import { finalSizes } from '../../src/study/final-training.ts';
import { namedDecisions } from '../../src/study/named-decisions.ts';
import { settingsOf } from '../../src/study/presets.ts';
import { recipes } from '../../src/train/recipe.ts';
import type { JobRunner } from '../../src/workers/job-runner.ts';

test('an epoch is measured in its precision with small images and with those of full size, as long as it has each', async () => {
  const settings = settingsOf('laptop', { dataset: 'cifar10', seed: 1, strategy: 'random', budget: 480 });
  const candidate = new Candidate(namedDecisions(defaultSpace, 5)[0]!, defaultSpace);
  const recipe = { ...settings.final.recipe, batchSize: 100, growth: [{ scale: 0.5, until: 0.4 }] };
  const training = { ...settings.final, resolution: 16, trainingImages: 1000, recipe };
  const sides: (number | undefined)[] = [];
  const openRunner = (): JobRunner => ({
    async run(job) {
      const { side, steps, computing } = job as ProbeJob;
      sides.push(side);
      assert.equal(computing?.precision, 'bfloat16');
      return { seconds: 1, result: { seconds: steps * (side === 8 ? 0.1 : 0.3), memory: 0 } };
    },
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
  });
  const computing = { device: 'cpu', precision: 'bfloat16' } as const;
  const searching = { settings, counts: { images: 50_000, classes: 10 }, computing };
  const ratio = await epochRatio(candidate, training, searching, { threads: 1, epochSeconds: 4, openRunner });
  assert.deepEqual(sides, [8, 16]);
  const slow = { threads: 1, epochSeconds: 1e4, openRunner };
  assert.equal(await epochRatio(candidate, training, searching, { ...slow, most: 100 }), undefined, 'nothing is run');
  assert.notEqual(await epochRatio(candidate, training, searching, slow), undefined);
  const steps: number[] = [];
  const counting = (): JobRunner => ({
    ...openRunner(),
    run: async (job) => {
      steps.push((job as ProbeJob).steps);
      return openRunner().run(job);
    },
  });
  for (const most of [100, 1.3, 0.7])
    await epochRatio(candidate, training, searching, { threads: 1, epochSeconds: 1, most, openRunner: counting });
  assert.deepEqual(steps, [15, 15, 3, 3], 'steps of 0.1 s, each size of images twice; less than two are not measured');
  assert.ok(Math.abs(ratio! - (0.4 * 0.1 + 0.6 * 0.3) / 0.4) < 1e-12, `${ratio}: 10 steps were predicted to take 4 s`);
});

test('a recipe with patience and frozen epochs is measured as one without', async (context) => {
  const settings = settingsOf('smoke', { dataset: 'cifar10', seed: 1 });
  const candidate = new Candidate(namedDecisions(defaultSpace, 5)[0]!, defaultSpace);
  const recipe = { ...recipes.small, batchSize: 2, patience: 3, freezeEpochs: 5 };
  const training = { cells: 0, filters: 4, resolution: 8, trainingImages: 8, recipe };
  const freezing = context.mock.method(Network.prototype, 'freezeBody');
  const evaluate = start({}, { threads: 1 });
  const openRunner = (): JobRunner => ({
    run: async (job) => ({ seconds: 1, result: await evaluate(job, () => {}, new AbortController().signal) }),
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
  });
  const searching = { settings, counts: { images: 50_000, classes: 10 } };
  const ratio = await epochRatio(candidate, training, searching, { threads: 1, epochSeconds: 4, openRunner });
  assert.ok(ratio! > 0);
  const frozen = freezing.mock.calls.map(({ arguments: [isFrozen] }) => isFrozen);
  assert.ok(frozen.length > 0 && !frozen.includes(true), 'steps of a frozen body take less time');
});

test('the laws of a search with a budget hold for its final networks, also where the child says little of them', async () => {
  const [dense, ...others] = startingLaws.seconds;
  const machine = [0.4 * dense, ...others]; // fast at products, of which a child has few
  const counts = { images: 50_000, classes: 10 };
  const openRunner = (): JobRunner => ({
    run: async (job) => {
      const { plan, ...amount } = job as ProbeJob;
      return { seconds: 1, result: { seconds: lawValue(machine, stepTerms(plan, amount)), memory: 1e8 } };
    },
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
  });
  const errorsOf = async (budget: number | 'none') => {
    const settings = settingsOf('laptop', { dataset: 'cifar10', seed: 1, budget });
    const laws = (await measureLaws(settings, counts, { workers: 2, expected: 480, openRunner }))!;
    const quick = new Candidate(namedDecisions(defaultSpace, 5)[0]!, defaultSpace);
    return finalSizes(settings).map((training) => {
      const terms = stepTerms(quick.trainedPlan(training, 10), { steps: 1, batch: 64 });
      return Math.abs(lawValue(laws.seconds, terms) / lawValue(machine, terms) - 1);
    });
  };
  const errors = await errorsOf(480);
  assert.ok(Math.max(...errors) < 0.1, `${errors}`);
  const [without] = await errorsOf('none');
  assert.ok(without! > 0.2, `${without}`);
});

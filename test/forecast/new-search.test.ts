// A new search fits the lengths of its trainings to its budget on this machine.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onCpu } from '../../src/engine/device.ts';
import { budgetRule, childrenShare, childrenUntil, finalistsOf } from '../../src/forecast/budget.ts';
import { raceCosts } from '../../src/forecast/budget-costs.ts';
import { childTrainings, finalistTraining } from '../../src/forecast/equal-cost.ts';
import { limitCheck } from '../../src/forecast/limits.ts';
import { newSearchOf } from '../../src/forecast/new-search.ts';
import { randomCells } from '../../src/forecast/random-cells.ts';
import { costOptions } from '../../src/forecast/start.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { Candidate } from '../../src/study/candidate.ts';
import { type SearchRequest, settingsOf } from '../../src/study/presets.ts';

const counts = { images: 50_000, classes: 10, test: 10_000 };
const options = { counts, workers: 2, computing: onCpu, knownAsked: false, always: false };
/** By the starting laws, since only the CPU is measured. */
const unmeasured = { ...options, computing: { ...onCpu, device: 'cuda:0' } };

async function childOf(request: Partial<SearchRequest>) {
  const stated = settingsOf('laptop', { dataset: 'cifar10', seed: 1, ...request });
  const { settings } = await newSearchOf(stated, unmeasured, () => {});
  return { stated: stated.child, child: settings.child };
}

test('the race of a budget is decided by the plan that this machine was measured for', async () => {
  const stated = settingsOf('laptop', { dataset: 'cifar10', seed: 1, budget: 480 });
  const { settings, plan, start } = await newSearchOf(stated, options, () => {});
  assert.ok(start.measured);
  assert.equal(settings.budget!.races, plan!.finalists > 0);
});

test('the children of a long search, if they decide, are larger and trained longer, unless the user asked for their epochs', async () => {
  const { stated, child } = await childOf({ budget: 8 * 3600, known: [] });
  assert.deepEqual([stated.filters, stated.resolution, stated.recipe.epochs], [4, 8, 1]);
  assert.deepEqual([child.filters, child.resolution, child.trainingImages], [8, 16, 48_000]);
  assert.ok(child.recipe.epochs >= 3, `${child.recipe.epochs}`);
  const asked = await childOf({ budget: 8 * 3600, epochs: 2 });
  assert.deepEqual(asked.child, asked.stated);
});

test('children and finalists of few images have no more epochs than the final network can have, and there are more of them', async () => {
  const few = { images: 200, classes: 10, test: 40 };
  const most = budgetRule.epochs.most;
  const planOf = async (minutes: number) => {
    const stated = settingsOf('laptop', { dataset: 'photos', seed: 1, budget: 60 * minutes, size: 16 });
    const { settings, plan } = await newSearchOf(stated, { ...unmeasured, counts: few }, () => {});
    assert.equal(plan!.final.epochs, most);
    const cells = randomCells(settings);
    for (const of of [...childTrainings(settings, few), finalistTraining(settings, few)])
      for (const cell of cells) assert.ok(of(cell).recipe.epochs <= most, `${minutes} min: ${of(cell).recipe.epochs}`);
    return { ...plan!, epochs: [settings.child.recipe.epochs, settings.finalists!.training.recipe.epochs] };
  };
  const plans = [await planOf(120), await planOf(480), await planOf(4 * 480)];
  for (const { epochs, finalists } of plans) assert.deepEqual([epochs, finalists], [[most, most], 8]);
  assert.ok(
    plans[2]!.children > 3.9 * plans[1]!.children,
    'with the most epochs, four times the time for as many more',
  );
  const asked = { epochs: 5000, finalistEpochs: 7000 };
  const stated = settingsOf('laptop', { dataset: 'photos', seed: 1, budget: 8 * 3600, ...asked });
  const { settings } = await newSearchOf(stated, { ...unmeasured, counts: few }, () => {});
  assert.deepEqual([settings.child.recipe.epochs, settings.finalists!.training.recipe.epochs], [5000, 7000]);
});

test('a search of a number of trials has the children of its preset', async () => {
  const { stated, child } = await childOf({ trials: 10 });
  assert.deepEqual(child, stated);
});

test('a search with one finalist, which would race against nobody, is planned without a race', async () => {
  const planOf = async (request: Partial<SearchRequest>) => {
    const stated = settingsOf('laptop', { dataset: 'cifar10', seed: 1, budget: 4 * 3600, ...request });
    const { settings, plan } = await newSearchOf(stated, unmeasured, () => {});
    return [plan!.finalists, settings.budget!.childrenShare, settings.child.filters];
  };
  assert.deepEqual(await planOf({ finalists: 1 }), [0, childrenShare(0, false), 4]);
  assert.deepEqual(await planOf({ finalists: 2 }), [2, childrenShare(4 * 3600, true), 8]);
  assert.deepEqual(await planOf({ finalists: 1, strategy: 'ppo,random' }), [1, childrenShare(4 * 3600, true), 8]);
});

test('a race that is just planned takes place with the known cells and any others', async () => {
  const searchOf = async (minutes: number) => {
    const stated = settingsOf('laptop', { dataset: 'cifar10', seed: 1, budget: 60 * minutes });
    const { settings, plan, start } = await newSearchOf(stated, unmeasured, () => {});
    assert.equal(settings.budget!.races, undefined, 'finished children say how fast a device is that is not measured');
    return { settings, races: plan!.finalists > 0, costs: costOptions({ settings, counts, workers: 2 }, start.laws) };
  };
  let [without, having] = [60, 240]; // minutes
  while (having - without > 1) {
    const minutes = (without + having) / 2;
    if ((await searchOf(minutes)).races) having = minutes;
    else without = minutes;
  }
  const random = new RandomStream('finalists');
  const finalists = async (minutes: number) => {
    const { settings, races, costs } = await searchOf(minutes);
    const budget = { ...settings.budget!, races };
    return Array.from({ length: 20 }, () => {
      const cells = [...settings.known, sampleDecisions(random), sampleDecisions(random)];
      return finalistsOf(
        budget,
        childrenUntil(budget),
        raceCosts(
          cells.map((cell) => new Candidate(cell)),
          costs,
        ),
      );
    });
  };
  assert.deepEqual(await finalists(having), Array(20).fill(4));
  assert.deepEqual(await finalists(without), Array(20).fill(0));
});

test('children are larger within a limit of memory only if they exclude no cell by it', async () => {
  const stated = settingsOf('laptop', { dataset: 'cifar10', seed: 1, budget: 4 * 3600 });
  for (const [bytes, filters] of [
    [540e6, 4], // with F = 8 and 16 pixels no cell is within it,
    [600e6, 4], // within this one most are
    [1e9, 8],
  ] as const) {
    const limits = { memory: bytes, beyond: 'resample' } as const;
    const { settings } = await newSearchOf(stated, { ...unmeasured, limits }, () => {});
    assert.equal(settings.child.filters, filters, `${bytes} bytes`);
    assert.equal(settings.known.length, stated.known.length);
    const check = limitCheck(settings.limits!, settings, counts);
    const random = new RandomStream('cells within a limit');
    const sampled = Array.from({ length: 60 }, () => sampleDecisions(random));
    for (const decisions of [...settings.known, ...sampled])
      assert.equal(check(new Candidate(decisions)), undefined, `${bytes} bytes`);
  }
});

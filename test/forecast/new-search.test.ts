// A new search fits the lengths of its trainings to its budget on this machine.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onCpu } from '../../src/engine/device.ts';
import { limitCheck } from '../../src/forecast/limits.ts';
import { newSearchOf } from '../../src/forecast/new-search.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { Candidate } from '../../src/study/candidate.ts';
import { type SearchRequest, settingsOf } from '../../src/study/presets.ts';

const counts = { images: 50_000, classes: 10, test: 10_000 };

async function childOf(request: Partial<SearchRequest>, asked?: Pick<SearchRequest, 'epochs' | 'rungs'>) {
  const stated = settingsOf('laptop', { dataset: 'cifar10', seed: 1, ...request });
  const options = { counts, workers: 2, computing: onCpu, knownAsked: false, always: false, ...(asked && { asked }) };
  const { settings } = await newSearchOf(stated, options, () => {});
  return { stated: stated.child, child: settings.child };
}

test('the children of a long search, if they decide, are larger and trained longer, unless the user asked for their epochs', async () => {
  const { stated, child } = await childOf({ budget: 8 * 3600, known: [] });
  assert.deepEqual([stated.filters, stated.resolution, stated.recipe.epochs], [4, 8, 1]);
  assert.deepEqual([child.filters, child.resolution, child.trainingImages], [8, 16, 48_000]);
  assert.ok(child.recipe.epochs >= 3, `${child.recipe.epochs}`);
  const asked = await childOf({ budget: 8 * 3600, epochs: 2 }, { epochs: 2 });
  assert.deepEqual(asked.child, asked.stated);
});

test('a search of a number of trials has the children of its preset', async () => {
  const { stated, child } = await childOf({ trials: 10 });
  assert.deepEqual(child, stated);
});

test('children are larger within a limit of memory only if they exclude no cell by it', async () => {
  const stated = settingsOf('laptop', { dataset: 'cifar10', seed: 1, budget: 4 * 3600 });
  const unmeasured = { device: 'cuda:0', precision: 'float32' } as const; // by the starting laws
  for (const [bytes, filters] of [
    [540e6, 4], // with F = 8 and 16 pixels no cell is within it,
    [600e6, 4], // within this one most are
    [1e9, 8],
  ] as const) {
    const limits = { memory: bytes, beyond: 'resample' } as const;
    const options = { counts, workers: 2, computing: unmeasured, limits, knownAsked: false, always: false };
    const { settings } = await newSearchOf(stated, options, () => {});
    assert.equal(settings.child.filters, filters, `${bytes} bytes`);
    assert.equal(settings.known.length, stated.known.length);
    const check = limitCheck(settings.limits!, settings, counts);
    const random = new RandomStream('cells within a limit');
    const sampled = Array.from({ length: 60 }, () => sampleDecisions(random));
    for (const decisions of [...settings.known, ...sampled])
      assert.equal(check(new Candidate(decisions)), undefined, `${bytes} bytes`);
  }
});

// A study from a table with fewer operations continues with these, since its decisions are indices into that table.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { strategyOf } from '../../src/experiment/evaluated-search.ts';
import type { Evaluate } from '../../src/experiment/evaluator.ts';
import { runSearch } from '../../src/experiment/search-loop.ts';
import { operationNames, operations } from '../../src/space/operations.ts';
import { defineSpace, firstOperations, spaceOf } from '../../src/space/search-space.ts';
import { openSearch, parseSettings } from '../../src/study/parse-settings.ts';
import { settingsOf } from '../../src/study/presets.ts';
import type { SearchSettings } from '../../src/study/settings.ts';
import { Study } from '../../src/study/study.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { rewardOf } from './chain-strategy.ts';

const folder = temporaryFolder({ after });
const evaluate: Evaluate = async ({ candidate: { decisions } }) => ({ reward: rewardOf(decisions), seconds: 0 });
const search = (study: Study<SearchSettings>, trials: number) =>
  runSearch({ study, strategy: strategyOf(study.settings), evaluate, trials, workers: 1 });
const decisionsIn = (study: Study<SearchSettings>) => study.trials().map(({ decisions }) => decisions);

const sittings = [25, 60]; // trials in all at the end of each
const fewer = 11;
const first = Object.fromEntries(Object.entries(operations).slice(0, fewer));

for (const strategy of ['random', 'ppo', 'evolution', 'surrogate'])
  test(`${strategy} continues with the ${fewer} operations of its study`, async () => {
    const settings = settingsOf('smoke', { dataset: 'none', seed: 3, strategy });
    const space = defineSpace({ name: 'the first', operations: first });
    using expected = Study.create<SearchSettings>(join(folder, `${strategy}-once.db`), { ...settings, space });
    for (const trials of sittings) await search(expected, trials);

    const path = join(folder, `${strategy}.db`);
    Study.create(path, { ...settings, operations: fewer }).close();
    for (const trials of sittings) {
      using study = openSearch(path);
      await search(study, trials);
    }
    using study = openSearch(path, { readOnly: true });
    assert.deepEqual(decisionsIn(study), decisionsIn(expected));
    assert.deepEqual(Object.keys(spaceOf(study.settings.space).operations), operationNames.slice(0, fewer));
  });

test('a study without a number of operations has the first thirteen', () => {
  const { operations: _, ...older } = settingsOf('smoke', { dataset: 'none', seed: 3, strategy: 'random' });
  const { space } = parseSettings(older, 'here');
  assert.deepEqual(Object.keys(spaceOf(space).operations), operationNames.slice(0, firstOperations));
});

test('a study of more operations than there are is refused', () => {
  const newer = settingsOf('smoke', { dataset: 'none', seed: 3, strategy: 'random' });
  assert.throws(
    () => parseSettings({ ...newer, operations: operationNames.length + 1 }, 'here'),
    /^InputError: here: settings\.operations: expected .*, got \d+$/,
  );
});

// The commands that a search suggests at its end: a new one is like the one that has ended.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { whatNext } from '../../../src/cli/search/what-next.ts';
import { type SearchRequest, settingsOf } from '../../../src/study/presets.ts';

const suggested = (preset: string, request: Omit<SearchRequest, 'dataset' | 'seed'>) => {
  const settings = settingsOf(preset, { dataset: 'cifar10', seed: 3, ...request });
  const lines = whatNext({ settings, study: 'runs/x/study.db', directory: 'runs/x', trials: settings.trials });
  return /search (.*) --seed 4 --study/.exec(lines.at(-1)!)?.[1] ?? '';
};

test('a new search has the flags of the one that has ended, where they differ from the defaults', () => {
  assert.equal(suggested('laptop', {}), '');
  assert.equal(suggested('laptop', { budget: 330 }), '--minutes 5.5');
  assert.equal(suggested('laptop', { trials: 12 }), '--trials 12');
  assert.equal(suggested('laptop', { budget: 330, strategy: 'ppo' }), '--minutes 5.5 --strategy ppo');
  assert.equal(suggested('paper', {}), '--preset paper');
  assert.equal(suggested('paper', { trials: 7, strategy: 'random' }), '--preset paper --trials 7 --strategy random');
});

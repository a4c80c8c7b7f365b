// Arms: turns, labels, and that each arm decides as its strategy would alone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { armLabels, armOf } from '../../src/search/arms-strategy.ts';
import { createStrategy } from '../../src/search/strategy.ts';

const options = { ppo: { batchSize: 5, hiddenUnits: 16, embeddingSize: 8, learningRate: 0.01 }, random: {} };

test('arms take turns', () => {
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5].map((trial) => armOf(trial, 3)),
    [0, 1, 2, 0, 1, 2],
  );
});

test('arms of one strategy are numbered', () => {
  assert.deepEqual(armLabels(['ppo', 'random', 'ppo']), ['ppo 1', 'random', 'ppo 2']);
});

test('an arm decides as its strategy does alone: outcomes of other arms have no effect', () => {
  const alone = createStrategy('ppo', { blocks: 2, seed: '7, arm 1', options: options.ppo });
  const both = createStrategy('random,ppo', { blocks: 2, seed: 7, options });
  let updates = 0;
  for (let trial = 0; trial < 60; trial++) {
    const decisions = both.ask(trial);
    if (trial % 2 === 1) assert.deepEqual(decisions, alone.ask(trial));
    const reward = decisions.filter((choice) => choice === 0).length / decisions.length;
    const figures = both.tell(trial, { reward });
    if (trial % 2 === 0) continue;
    const own = alone.tell(trial, { reward });
    updates = figures?.update ?? updates;
    assert.deepEqual(figures, own && { arm: 1, ...own });
  }
  assert.equal(updates, 6);
});

test('two arms of one strategy sample differently', () => {
  const twice = createStrategy('random,random', { blocks: 5, seed: 1, options });
  assert.notDeepEqual(twice.ask(0), twice.ask(1));
});

// When the controller's figures warn, and when they do not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collapseWarning } from '../../src/report/controller-words.ts';
import { createStrategy } from '../../src/search/strategy.ts';

test('a controller that was taught to decide always the same is warned of, and not before', () => {
  const options = { batchSize: 5, hiddenUnits: 16, embeddingSize: 8, learningRate: 0.05 };
  const strategy = createStrategy('ppo', { blocks: 1, seed: 1, options });
  const warnings: (string | undefined)[] = [];
  for (let trial = 0; trial < 1000; trial++) {
    const decisions = strategy.ask(trial);
    const reward = decisions.filter((choice) => choice === 1).length / decisions.length;
    const figures = strategy.tell(trial, { reward });
    if (figures) warnings.push(collapseWarning(figures));
  }
  assert.equal(warnings[0], undefined);
  assert.match(
    warnings.at(-1) ?? 'none',
    /^After 200 updates the controller decides nearly the same every time \([0-9]\.\d% of/,
  );
});

test('strategies without a controller are never warned of', () => {
  assert.equal(collapseWarning({}), undefined);
});

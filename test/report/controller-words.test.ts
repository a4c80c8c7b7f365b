// The warning about the controller's figures.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collapseWarning } from '../../src/report/controller-words.ts';
import { createStrategy } from '../../src/search/strategy.ts';

test('there is a warning after a controller has learned to decide always the same, and not before', () => {
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
    /^After 200 updates the controller decides nearly the same every time \(its decisions on operations have [0-9]\.\d% of/,
  );
});

test('there is never a warning about strategies without a controller', () => {
  assert.equal(collapseWarning({}), undefined);
});

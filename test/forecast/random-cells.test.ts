// The cells from which costs are predicted.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { finalCells } from '../../src/forecast/random-cells.ts';
import { settingsOf } from '../../src/study/presets.ts';

const given = { dataset: 'cifar10', seed: 1 };

test('the final network of a budget is predicted for the first known cell, where it is preferred and within the limits', () => {
  const settings = settingsOf('laptop', given);
  const [cell, ...others] = finalCells(settings);
  assert.deepEqual([cell!.decisions, others.length], [settings.known[0], 0]);
  const without = [
    finalCells(settings, (candidate) => candidate.key !== cell!.key),
    finalCells(settingsOf('laptop', { ...given, known: [] })),
    finalCells(settingsOf('laptop', { ...given, trials: 20 })),
  ];
  for (const cells of without) assert.equal(cells.length, 60);
});

// The cells from which costs are predicted.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { finalCells, randomCells } from '../../src/forecast/random-cells.ts';
import { settingsOf } from '../../src/study/presets.ts';
import type { SearchSettings } from '../../src/study/settings.ts';

const given = { dataset: 'cifar10', seed: 1 };
const cellsOf = (settings: SearchSettings, ...accepts: Parameters<typeof finalCells>[2][]) =>
  finalCells(settings, randomCells(settings), ...accepts);

test('the final network of a budget is predicted for the first known cell, where it is preferred and within the limits', () => {
  const settings = settingsOf('laptop', given);
  const [cell, ...others] = cellsOf(settings);
  assert.deepEqual([cell!.decisions, others.length], [settings.known[0], 0]);
  const without = [
    cellsOf(settings, (candidate) => candidate.key !== cell!.key),
    cellsOf(settingsOf('laptop', { ...given, known: [] })),
    cellsOf(settingsOf('laptop', { ...given, trials: 20 })),
  ];
  for (const cells of without) assert.equal(cells.length, 60);
});

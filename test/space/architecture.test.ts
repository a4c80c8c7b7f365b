// What follows from a cell's data alone, worked out by hand.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Cell, liveStates, outputStates, outputWidth } from '../../src/space/architecture.ts';
import { describeCell } from '../../src/space/print.ts';
import { nasnetA } from '../../src/space/published.ts';

const cell: Cell = {
  blocks: [
    { inputs: [0, 1], operations: ['identity', 'conv_1x1'], combine: 'concat' }, // 2, read by 4
    { inputs: [1, 1], operations: ['identity', 'identity'], combine: 'concat' }, // 3, unread
    { inputs: [2, 0], operations: ['identity', 'identity'], combine: 'add' }, // 4, unread
  ],
};

test('the output of a cell is the created states that no block reads, a concatenation counting twice', () => {
  assert.deepEqual(outputStates(cell), [3, 4]);
  assert.equal(outputWidth(cell), 2 + 1);
});

test('an output list replaces the rule', () => {
  assert.deepEqual(outputStates({ ...cell, output: [4, 0] }), [4, 0]);
  assert.equal(outputWidth(nasnetA.normal), 6);
  assert.equal(outputWidth(nasnetA.reduction), 4);
});

test('states that do not reach the output are not live', () => {
  assert.deepEqual([...liveStates(cell)].sort(), [0, 1, 2, 3, 4]);
  assert.deepEqual([...liveStates({ ...cell, output: [3] })].sort(), [1, 3]);
});

test('a cell reads as equations', () => {
  assert.deepEqual(describeCell(cell), [
    '2 = concat(identity(0), conv_1x1(1))',
    '3 = concat(identity(1), identity(1))',
    '4 = add(identity(2), identity(0))',
    'output = concat(3, 4)',
  ]);
});

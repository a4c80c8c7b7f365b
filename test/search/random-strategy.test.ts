// Random search: every decision is uniform and independent of others and of rewards.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createStrategy } from '../../src/search/strategy.ts';
import { decisionSizes } from '../../src/space/decisions.ts';

const blocks = 5;

function sample(seed: number, count: number): number[][] {
  const strategy = createStrategy('random', { blocks, seed });
  return Array.from({ length: count }, (_, trial) => strategy.ask(trial));
}

/**
 * Returns the 99.99 % quantile of chi-square (Wilson and Hilferty), so that 50 tests together rarely fail by chance.
 */
function quantile(degreesOfFreedom: number): number {
  const z = 3.719;
  return degreesOfFreedom * (1 - 2 / (9 * degreesOfFreedom) + z * Math.sqrt(2 / (9 * degreesOfFreedom))) ** 3;
}

test('every decision is uniform over its options: chi-square over 13,000 architectures', () => {
  const architectures = sample(1, 13_000);
  decisionSizes(blocks).forEach((size, index) => {
    const counts = new Array<number>(size).fill(0);
    for (const decisions of architectures) counts[decisions[index]!]!++;
    const expected = architectures.length / size;
    const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    assert.ok(chiSquare < quantile(size - 1), `decision ${index}: chi-square ${chiSquare} of ${size - 1}`);
  });
});

test('two operations of a block are independent: chi-square over their 169 pairs', () => {
  const architectures = sample(2, 33_800);
  const counts = new Array<number>(169).fill(0);
  for (const decisions of architectures) counts[13 * decisions[2]! + decisions[3]!]!++;
  const chiSquare = counts.reduce((sum, count) => sum + (count - 200) ** 2 / 200, 0);
  assert.ok(chiSquare < quantile(168), `chi-square ${chiSquare} of 168`);
});

test('a trial gets the same architecture for any order of asks and tells', () => {
  const forwards = sample(3, 10);
  const strategy = createStrategy('random', { blocks, seed: 3 });
  for (let trial = 9; trial >= 0; trial--) {
    assert.deepEqual(strategy.ask(trial), forwards[trial]);
    strategy.tell(trial, { reward: trial });
  }
});

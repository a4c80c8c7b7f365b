import assert from 'node:assert/strict';
import { test } from 'node:test';
import { medianUncertainty, summarise } from '../../src/latency/summary.ts';

test('the median is the middle of five runs in any order, and halfway between the middle two of four', () => {
  assert.deepEqual(summarise([9, 1, 5, 3, 7]), { runs: 5, median: 5, fastest: 1, lowerQuartile: 3, upperQuartile: 7 });
  assert.deepEqual(summarise([4, 1, 8, 2]), { runs: 4, median: 3, fastest: 1, lowerQuartile: 1.75, upperQuartile: 5 });
  assert.deepEqual(summarise([6]), { runs: 1, median: 6, fastest: 6, lowerQuartile: 6, upperQuartile: 6 });
});

test('one run that is a hundred times longer moves the median at most to its neighbour', () => {
  assert.equal(summarise([10, 11, 12, 13, 14]).median, 12);
  assert.equal(summarise([10, 11, 12, 13, 1400]).median, 12);
});

test('the median of equal runs is certain, the median of fewer than six never', () => {
  assert.equal(medianUncertainty([3, 3, 3, 3, 3, 3]), 0);
  assert.equal(medianUncertainty([3, 3, 3, 3, 3]), Number.POSITIVE_INFINITY);
});

test('the interval of the median contains the true median in about 19 of 20 samples', () => {
  for (let count = 6; count <= 120; count++) {
    const places = Array.from({ length: count }, (_, index) => index + 1);
    const median = (count + 1) / 2;
    const lower = Math.round(median - medianUncertainty(places) * median); // from this place to its mirror
    const outside = 2 * binomialTail(count, lower - 1); // the true median is below the interval, or above
    assert.ok(outside < 0.08 && outside > 0.015, `${count} runs: ${outside}`);
  }
});

/** Returns the probability of at most `most` heads in `count` tosses of a coin. */
function binomialTail(count: number, most: number): number {
  let term = 0.5 ** count;
  let sum = 0;
  for (let heads = 0; heads <= most; heads++) {
    sum += term;
    term *= (count - heads) / (heads + 1);
  }
  return sum;
}

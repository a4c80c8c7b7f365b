// Quantiles by hand.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { middleMean, quantile } from '../../src/statistics/order.ts';

test('quantiles are interpolated: of 1, 2, 4, 8 the median is 3 and the lower quartile 1.75', () => {
  assert.equal(quantile([8, 1, 4, 2], 0.5), 3);
  assert.equal(quantile([8, 1, 4, 2], 0.25), 1.75);
});

test('the middle half of 1, 2, 4, 8, 100 without its quarters is 2, 4, 8; of three numbers it is all', () => {
  assert.equal(middleMean([100, 8, 1, 4, 2]), 14 / 3);
  assert.equal(middleMean([3, 1, 8]), 4);
});

// Quantiles by hand.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quantile } from '../../src/statistics/order.ts';

test('quantiles are interpolated: of 1, 2, 4, 8 the median is 3 and the lower quartile 1.75', () => {
  assert.equal(quantile([8, 1, 4, 2], 0.5), 3);
  assert.equal(quantile([8, 1, 4, 2], 0.25), 1.75);
});

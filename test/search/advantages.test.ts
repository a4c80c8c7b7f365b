// Baseline and advantages by hand.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { advantages, firstBaseline, updatedBaseline } from '../../src/search/advantages.ts';

test('the first baseline is the mean of the rewards without failures', () => {
  assert.equal(firstBaseline([0.25, null, 0.75]), 0.5);
});

test('the baseline moves by a twentieth towards each reward in turn', () => {
  // 0.5 → 0.95 · 0.5 + 0.05 · 0.7 = 0.51 → 0.95 · 0.51 + 0.05 · 0.3 = 0.4995
  assert.ok(Math.abs(updatedBaseline(0.5, [0.7, 0.3], 0.95) - 0.4995) < 1e-15);
});

test('failures do not move the baseline', () => {
  assert.equal(updatedBaseline(0.5, [null, null], 0.95), 0.5);
  assert.equal(updatedBaseline(0.5, [null, 0.7, null], 0.95), updatedBaseline(0.5, [0.7], 0.95));
});

test('advantages are rewards above the baseline', () => {
  assert.deepEqual(advantages([0.75, 0.25, 0.5], 0.5, 0), [0.25, -0.25, 0]);
});

test('a failure counts as the worst reward times its weight, and never as a gain', () => {
  assert.deepEqual(advantages([0.75, 0.25, null], 0.5, 1), [0.25, -0.25, -0.25]);
  assert.deepEqual(advantages([0.75, 0.25, null], 0.5, 0.5), [0.25, -0.25, -0.125]);
  assert.deepEqual(advantages([0.75, 1, null], 0.5, 1), [0.25, 0.5, 0]);
});

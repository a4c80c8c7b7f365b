// Schedules, compared with their closed forms.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constant, cosine, exponential, linear } from '../../src/nn/schedules.ts';

const near = (got: number, expected: number) => assert.ok(Math.abs(got - expected) < 1e-15, `${got} for ${expected}`);

test('constant', () => {
  assert.deepEqual([0, 1, 1e6].map(constant(0.1)), [0.1, 0.1, 0.1]);
});

test('cosine falls from the rate over √½ and one half to 0, and stays there', () => {
  const rate = cosine(0.8, 100);
  assert.equal(rate(0), 0.8);
  near(rate(25), 0.4 * (1 + Math.SQRT1_2)); // cos 45°
  near(rate(50), 0.4);
  near(rate(75), 0.4 * (1 - Math.SQRT1_2));
  near(rate(100), 0);
  near(rate(150), 0);
  near(rate(20) + rate(80), 0.8); // symmetric around the middle
});

test('linear falls by the same amount at every step to 0, and stays there', () => {
  const rate = linear(0.8, 4);
  for (const [step, expected] of [0.8, 0.6, 0.4, 0.2, 0, 0].entries()) near(rate(step), expected);
});

test('exponential multiplies once per interval of steps', () => {
  const rate = exponential(2, 0.5, 3);
  assert.deepEqual([0, 1, 2, 3, 5, 6, 9].map(rate), [2, 2, 2, 1, 1, 0.5, 0.25]);
});

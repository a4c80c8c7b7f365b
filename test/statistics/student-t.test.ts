// Student's t distribution against textbook tables.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { criticalValue, upperTail } from '../../src/statistics/student-t.ts';

test("the critical values are those of the textbooks' tables", () => {
  const table = [
    [0.025, 1, 12.706],
    [0.025, 2, 4.303],
    [0.025, 3, 3.182],
    [0.05, 10, 1.812],
    [0.005, 7, 3.499],
    [0.025, 30, 2.042],
    [0.0005, 120, 3.373],
  ] as const;
  for (const [tail, freedom, expected] of table) {
    assert.ok(Math.abs(criticalValue(tail, freedom) - expected) < 0.0006, `${tail} with ${freedom}`);
  }
  assert.equal(upperTail(0, 5), 0.5);
  assert.ok(Math.abs(upperTail(1, 1) - 0.25) < 1e-15, 'Cauchy: 1/2 − atan(1) / π');
});

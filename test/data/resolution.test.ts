// Area averaging against means worked out by hand.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shrink } from '../../src/data/resolution.ts';

test('halving takes the mean of four pixels', () => {
  // One 4 × 4 plane.
  const plane = Uint8Array.of(0, 4, 10, 10, 8, 12, 10, 10, 255, 255, 1, 2, 255, 255, 3, 4);
  assert.deepEqual([...shrink(plane, 4, 4, 2)], [6, 10, 255, 3]); // (1 + 2 + 3 + 4) / 4 = 2.5, halves go up
});

test('three pixels to two: each new pixel takes one and a half', () => {
  const row = Uint8Array.of(30, 60, 90); // the same in every row
  const plane = Uint8Array.of(...row, ...row, ...row);
  assert.deepEqual([...shrink(plane, 3, 3, 2)], [40, 80, 40, 80]); // (30 + 60/2) / 1.5 and (60/2 + 90) / 1.5
});

test('a flat image stays flat and a whole image keeps its mean', () => {
  for (const resolution of [5, 7, 16, 31]) {
    const flat = new Uint8Array(3 * 32 * 32).fill(77);
    assert.ok(shrink(flat, 32, 32, resolution).every((byte) => byte === 77));
    const ramp = Uint8Array.from({ length: 32 * 32 }, (_, index) => (index % 32) * 8);
    const small = shrink(ramp, 32, 32, resolution);
    const mean = small.reduce((sum, byte) => sum + byte, 0) / small.length;
    assert.ok(Math.abs(mean - 124) < 0.5, `${mean}`); // 8 · (0 + ... + 31) / 32
  }
});

test('planes are shrunk one by one', () => {
  const planes = Uint8Array.of(...Array(16).fill(1), ...Array(16).fill(9));
  assert.deepEqual([...shrink(planes, 4, 4, 2)], [1, 1, 1, 1, 9, 9, 9, 9]);
});

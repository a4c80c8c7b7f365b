// Ranges of activations and steps of weights, by hand.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rangeMethods, rangeOf, scaleOf } from '../../../../src/export/onnx/int8/ranges.ts';
import { leastScales, quantiseBias, quantiseWeight } from '../../../../src/export/onnx/int8/weights.ts';

/** Returns 4096 bins from low to high with these counts and 0 elsewhere. */
function histogram(low: number, high: number, countOf: (bin: number) => number) {
  return { low, high, counts: Float64Array.from({ length: 4096 }, (_, bin) => countOf(bin)) };
}

test('min-max is all that was seen, and any range holds 0', () => {
  assert.deepEqual(
    rangeOf(
      'min-max',
      histogram(-1, 3, () => 1),
    ),
    { low: -1, high: 3 },
  );
  for (const method of rangeMethods) {
    const above = rangeOf(
      method,
      histogram(2, 4, () => 100),
    );
    assert.equal(above.low, 0, method);
    assert.ok(above.high > 3.99, method);
    assert.deepEqual(
      rangeOf(
        method,
        histogram(0, 0, () => 0),
      ),
      { low: 0, high: 0 },
      method,
    );
  }
});

test('percentile cuts off one number in 20,000 at each end, and no more', () => {
  // 40,000 numbers: up to two may go at each end, each end has three bins of one number
  const counts = (bin: number) => (bin < 3 || bin > 4092 ? 1 : bin === 2048 ? 39_994 : 0);
  const width = 4096 / 4096;
  assert.deepEqual(rangeOf('percentile', histogram(-2048, 2048, counts)), {
    low: -2048 + 2 * width,
    high: 2048 - 2 * width,
  });
});

test('a scale covers its range with 256 steps and represents 0 exactly', () => {
  assert.deepEqual(scaleOf({ low: 0, high: 255 }), { scale: 1, zeroPoint: 0 });
  assert.deepEqual(scaleOf({ low: -255, high: 0 }), { scale: 1, zeroPoint: 255 });
  assert.deepEqual(scaleOf({ low: -64, high: 191 }), { scale: 1, zeroPoint: 64 });
  assert.deepEqual(scaleOf({ low: 0, high: 0 }), { scale: 1, zeroPoint: 0 });
});

test('each output channel has its own steps, halves round to the even one', () => {
  const { values, scales } = quantiseWeight(Float32Array.of(127, 2.5, -3.5, 0, 0, 0, 0.5, -1, 0.25), 3, 127, [0, 0, 0]);
  assert.deepEqual([...scales], [1, 1, Math.fround(1 / 127)]);
  assert.deepEqual([...values], [127, 2, -4, 0, 0, 0, 64, -127, 32]); // 63.5 and 31.75 steps
  assert.deepEqual([...quantiseWeight(Float32Array.of(63, -63), 1, 63, [0]).values], [63, -63]);
});

test('the steps of a channel of tiny weights are so large that its bias fits into 32 bits', () => {
  const bias = Float32Array.of(5);
  const { values, scales } = quantiseWeight(Float32Array.of(1e-12), 1, 127, leastScales(bias, 0.01));
  const [rounded] = quantiseBias(bias, scales, 0.01);
  assert.ok(Math.abs(rounded! * scales[0]! * 0.01 - 5) < 1e-6, `${rounded}`);
  assert.deepEqual([...values], [0]);
});

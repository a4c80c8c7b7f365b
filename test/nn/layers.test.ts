// Layers by hand on small inputs, their moving statistics, initial values, and memory.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ones, tensor, zeros } from '../../src/engine/create.ts';
import { liveTensors, scope } from '../../src/engine/memory.ts';
import { manualSeed } from '../../src/engine/random.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { initialised, truncatedNormal, varianceScaling } from '../../src/nn/initialise.ts';
import { BatchNorm2d, Conv2d, Linear } from '../../src/nn/layers.ts';

const numbers = (result: Tensor, digits = 5) =>
  [...result.detach().toArray()].map((each) => Math.round(each * 10 ** digits) / 10 ** digits + 0);
const set = (module: { loadStateDict: (state: Record<string, Tensor>) => void }, state: Record<string, Tensor>) =>
  module.loadStateDict(state);
const image = (rows: number[][]) => tensor(rows.flat(), [1, 1, rows.length, rows[0]!.length]);

test('a convolution by hand: 2 × 2 on 3 × 3, with a bias', () => {
  const layer = new Conv2d({ inputs: 1, outputs: 1, kernel: 2, bias: true });
  set(layer, { weight: tensor([1, 2, 3, 4], [1, 1, 2, 2]), bias: tensor([0.5]) });
  const input = image([
    [1, 0, 2],
    [0, 1, 0],
    [3, 0, 1],
  ]);
  // 1·1 + 4·1 + 0.5 = 5.5; 2·2 + 3·1 + 0.5 = 7.5; 2·1 + 3·3 + 0.5 = 11.5; 1·1 + 4·1 + 0.5 = 5.5
  assert.deepEqual(numbers(layer.forward(input)), [5.5, 7.5, 11.5, 5.5]);
});

test('unequal padding adds zeros at the top, bottom, left and right', () => {
  const layer = new Conv2d({ inputs: 1, outputs: 1, kernel: [1, 2], padding: [1, 0, 0, 1] });
  set(layer, { weight: tensor([1, 10], [1, 1, 1, 2]) });
  const result = layer.forward(image([[1, 2, 3]]));
  assert.deepEqual(result.shape, [1, 1, 2, 3]);
  assert.deepEqual(numbers(result), [0, 0, 0, 21, 32, 3]);
});

test('stride, dilation and groups are passed to the operator', () => {
  const layer = new Conv2d({ inputs: 2, outputs: 2, kernel: 2, stride: 2, dilation: 2, groups: 2 });
  assert.deepEqual(layer.weight.shape, [2, 1, 2, 2]);
  set(layer, { weight: tensor([1, 0, 0, 1, 0, 1, 1, 0], [2, 1, 2, 2]) });
  const input = tensor(
    Array.from({ length: 50 }, (_, index) => index),
    [1, 2, 5, 5],
  );
  // first channel: a + b two rows and columns on; second: the other two corners; windows start at rows and columns 0
  // and 2
  const first = [0, 2, 10, 12].map((start) => start + (start + 12));
  const second = [25, 27, 35, 37].map((start) => start + 2 + (start + 10));
  assert.deepEqual(numbers(layer.forward(input)), [...first, ...second]);
});

test('a convolution’s weights and its result are in channels_last', () => {
  const layer = new Conv2d({ inputs: 4, outputs: 8, kernel: 3, padding: 1 });
  assert.deepEqual(layer.weight.strides, [36, 1, 12, 4]);
  assert.deepEqual(layer.forward(ones([2, 4, 5, 5]).contiguous('channels_last')).strides, [200, 1, 40, 8]);
});

test('batch norm in training uses the batch and updates its statistics by 1 − decay; in evaluation it uses the statistics', () => {
  const layer = new BatchNorm2d({ channels: 1, decay: 0.75, epsilon: 0 });
  const input = tensor([1, 3, 5, 7], [2, 1, 1, 2]); // mean 4, variance 5, unbiased 20 / 3
  const deviation = Math.sqrt(5);
  const expected = [-3, -1, 1, 3].map((each) => Math.round((each / deviation) * 1e5) / 1e5);
  assert.deepEqual(numbers(layer.forward(input)), expected);
  assert.deepEqual(numbers(layer.movingMean), [1]); // 0.75 · 0 + 0.25 · 4
  assert.deepEqual(numbers(layer.movingVariance), [2.41667]); // 0.75 · 1 + 0.25 · 20 / 3
  layer.train(false);
  set(layer, { scale: tensor([2]), shift: tensor([10]), moving_mean: tensor([3]), moving_variance: tensor([4]) });
  assert.deepEqual(numbers(layer.forward(input)), [8, 10, 12, 14]); // (x − 3) / 2 · 2 + 10
  assert.deepEqual(numbers(layer.movingMean), [3]);
});

test('linear by hand', () => {
  const layer = new Linear({ inputs: 2, outputs: 3 });
  set(layer, { weight: tensor([1, 2, 3, 4, 5, 6], [3, 2]), bias: tensor([0, 10, 100]) });
  assert.deepEqual(numbers(layer.forward(tensor([1, -1], [1, 2]))), [-1, 9, 99]);
  assert.deepEqual([...new Linear({ inputs: 2, outputs: 3, bias: false }).namedParameters().keys()], ['weight']);
});

test('creating layers leaves only their parameters and buffers, and disposing of them leaves nothing', () => {
  const before = liveTensors();
  const layers = [
    new Conv2d({ inputs: 3, outputs: 4, kernel: 3, bias: true }), // 2
    new BatchNorm2d({ channels: 4 }), // 4
    new Linear({ inputs: 2, outputs: 2 }), // 2
  ];
  assert.equal(liveTensors() - before, 8);
  scope(() => new Linear({ inputs: 2, outputs: 2 })); // outlives the scope
  assert.equal(liveTensors() - before, 10);
  for (const layer of layers) layer.dispose();
  assert.equal(liveTensors() - before, 2);
});

const moments = (values: ArrayLike<number>) => {
  const mean = Array.from(values).reduce((total, each) => total + each, 0) / values.length;
  const square = Array.from(values).reduce((total, each) => total + (each - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(square), most: Math.max(...Array.from(values, Math.abs)) };
};

test('initialisers have the moments of their distributions', () => {
  manualSeed(2);
  const momentsOf = (fill: Parameters<typeof initialised>[1]) =>
    moments(initialised(zeros([300, 300]), fill).toArray());
  const near = (got: number, expected: number) => assert.ok(Math.abs(got - expected) < 0.005, `${got} for ${expected}`);
  const cut = momentsOf(truncatedNormal(1));
  near(cut.mean, 0);
  near(cut.deviation, 0.8796256610342398); // √(1 − 4 φ(2) / (2 Φ(2) − 1))
  assert.ok(cut.most <= 2 && cut.most > 1.99);
  near(momentsOf(varianceScaling(26)).deviation, 0.8796256610342398 * Math.sqrt(0.1)); // √(2.6 / 26)
});

test('the same seed gives the same layer, and a float64 layer is float64 throughout', () => {
  const made = (seed: number) => {
    manualSeed(seed);
    return new Conv2d({ inputs: 2, outputs: 2, kernel: 3 }).weight.detach().toArray();
  };
  assert.deepEqual(made(1), made(1));
  assert.notDeepEqual(made(1), made(2));
  const layers = [
    new Conv2d({ inputs: 1, outputs: 1, kernel: 1, dtype: 'float64' }),
    new BatchNorm2d({ channels: 1, dtype: 'float64' }),
  ];
  for (const layer of layers) for (const each of Object.values(layer.stateDict())) assert.equal(each.dtype, 'float64');
});

test('parameters are trainable, moving statistics are not', () => {
  const layer = new BatchNorm2d({ channels: 1 });
  assert.deepEqual([...layer.namedParameters().keys()], ['scale', 'shift']);
  assert.ok(layer.parameters().every((each) => each.requiresGrad));
  assert.deepEqual([...layer.namedBuffers().keys()], ['moving_mean', 'moving_variance']);
  assert.ok([...layer.namedBuffers().values()].every((each) => !each.requiresGrad));
});

// Single layers as ONNX in onnxruntime, against results by hand.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tensor } from '../../../src/engine/create.ts';
import { setThreads } from '../../../src/engine/machine.ts';
import type { Tensor } from '../../../src/engine/tensor.ts';
import { encodeModel } from '../../../src/export/onnx/encode.ts';
import { type Graph, GraphBuilder } from '../../../src/export/onnx/graph.ts';
import { imageShape, PathNodes } from '../../../src/export/onnx/path-nodes.ts';
import { openSession } from '../../../src/export/onnx/session.ts';
import { InputError } from '../../../src/failure.ts';
import type { BatchNorm, Convolution, ImageNorm, Layer, Padding, Pool, Shape } from '../../../src/plan/layer.ts';
import { readModel } from './wire.ts';

setThreads(1);

const label = { name: 'test', description: '', producerVersion: '0', metadata: {} };

function graphOf(layers: readonly Layer[], input: Shape, state: Record<string, Tensor>): Graph {
  const image = { name: 'images', shape: imageShape(input) };
  const graph = new GraphBuilder(image);
  const result = new PathNodes(graph, state).add(layers, 'path', image);
  return graph.finish(image, result, 'result');
}

const bytesOf = (graph: Graph) => Buffer.concat([...encodeModel(graph, label).chunks]);

/** Runs one image through the layers. */
async function run(layers: readonly Layer[], input: Shape, state: Record<string, Tensor>, image: number[]) {
  const session = await openSession(bytesOf(graphOf(layers, input, state)), { threads: 1 });
  try {
    return [...(await session.run(Float32Array.from(image), [1, ...imageShape(input)]))];
  } finally {
    await session.close();
  }
}

const pointwise = (
  name: string,
  channels: number,
  output: Shape,
  stride = 1,
  padding: Padding = [0, 0, 0, 0],
): Convolution => ({
  kind: 'convolution',
  name,
  inputChannels: channels,
  outputChannels: output[2],
  groups: 1,
  kernel: [1, 1],
  stride: [stride, stride],
  dilation: [1, 1],
  padding,
  output,
});

const norm = (output: Shape): BatchNorm => {
  return { kind: 'batch-norm', name: 'norm', channels: output[2], decay: 0.9, epsilon: 1, output };
};

/** With ε = 1: factors 4 / √(3 + 1) = 2 and −3 / √(8 + 1) = −1; shifts 1 − 5 · 2 = −9 and 0.5 − 2 · (−1) = 2.5. */
const normState = (channels: 1 | 2) => {
  const values = { scale: [4, -3], shift: [1, 0.5], moving_mean: [5, 2], moving_variance: [3, 8] };
  return Object.fromEntries(
    Object.entries(values).map(([name, numbers]) => [`norm.${name}`, tensor(numbers.slice(0, channels))]),
  );
};

const counting = (count: number) => Array.from({ length: count }, (_, index) => index);
const negative = (count: number) => counting(count).map((value) => value - 100);

const pool = (kind: Pool['kind'], padding: Padding, output: Shape): Pool => {
  return { kind, kernel: [3, 3], stride: [2, 2], padding, output };
};

test('a convolution absorbs the batch norm after it: 3x becomes 6x − 9', async () => {
  const layers = [pointwise('convolution', 1, [1, 2, 1]), norm([1, 2, 1])];
  const state = { 'convolution.weight': tensor([3], [1, 1, 1, 1]), ...normState(1) };
  assert.deepEqual(await run(layers, [1, 2, 1], state, [1, 10]), [-3, 51]);
  const { nodes, weights } = readModel(bytesOf(graphOf(layers, [1, 2, 1], state)));
  assert.deepEqual(nodes, [
    {
      name: 'convolution',
      operator: 'Conv',
      inputs: ['images', 'convolution.weight', 'convolution.bias'],
      outputs: ['result'],
    },
  ]);
  const numbers = weights.map(({ name, bytes }) => [name, Buffer.from(bytes).readFloatLE()]);
  assert.deepEqual(numbers, [
    ['convolution.weight', 6],
    ['convolution.bias', -9],
  ]);
});

test('a batch norm over two concatenated convolutions is folded into each, by its channels', async () => {
  const branches = [[pointwise('even', 1, [1, 1, 1])], [pointwise('odd', 1, [1, 1, 1])]];
  const layers: Layer[] = [{ kind: 'branches', branches, output: [1, 1, 2] }, norm([1, 1, 2])];
  const state = {
    'even.weight': tensor([3], [1, 1, 1, 1]),
    'odd.weight': tensor([10], [1, 1, 1, 1]),
    ...normState(2),
  };
  assert.deepEqual(await run(layers, [1, 1, 1], state, [7]), [6 * 7 - 9, -10 * 7 + 2.5]);
});

test('a batch norm without a convolution before it becomes a scale and a shift', async () => {
  assert.deepEqual(await run([norm([1, 1, 2])], [1, 1, 2], normState(2), [7, 7]), [5, -4.5]);
});

test('layer norm normalises an image, instance norm its channels, and each channel has a scale and a shift', async () => {
  const state = { 'norm.scale': tensor([2, -1]), 'norm.shift': tensor([10, 20]) };
  const layer = (kind: ImageNorm['kind'], epsilon: number): ImageNorm => {
    return { kind, name: 'norm', channels: 2, epsilon, output: [1, 2, 2] };
  };
  // 0 and 2 have mean 1 and variance 1, so with ε = 3 they are ∓ 1/2; 5 and 5 are 0.
  assert.deepEqual(await run([layer('instance-norm', 3)], [1, 2, 2], state, [0, 2, 5, 5]), [9, 11, 20, 20]);
  // 0, 2, 4 and 2 have mean 2 and variance 2, with ε = 2: −1, 0, 1 and 0.
  assert.deepEqual(await run([layer('layer-norm', 2)], [1, 2, 2], state, [0, 2, 4, 2]), [8, 10, 19, 20]);
  const small = await run([layer('layer-norm', 0.25)], [1, 2, 2], state, [0, 2, 4, 2]);
  assert.ok(Math.abs(small[0]! - (10 - 4 / 1.5)) < 1e-5, `${small}`); // √(2 + 0.25) = 1.5
});

test('an average pool with padding only at the bottom and right does not count the padding', async () => {
  const layers = [pool('average-pool', [0, 1, 0, 1], [2, 2, 1])];
  assert.deepEqual(await run(layers, [4, 4, 1], {}, counting(16)), [5, 6.5, 11, 12.5]);
});

test('a maximum pool ignores the padding, even if every pixel is negative', async () => {
  const layers = [pool('max-pool', [0, 1, 0, 1], [2, 2, 1])];
  assert.deepEqual(await run(layers, [4, 4, 1], {}, negative(16)), [-90, -89, -86, -85]);
});

test('negative padding cuts the first row and column off, also of an image that has no other', async () => {
  const state = { 'odd.weight': tensor([1], [1, 1, 1, 1]) };
  const odd = (side: number) => [pointwise('odd', 1, [side, side, 1], 2, [-1, 1, -1, 1])];
  assert.deepEqual(await run(odd(2), [4, 4, 1], state, counting(16)), [5, 7, 13, 15]);
  assert.deepEqual(await run(odd(2), [3, 3, 1], state, counting(9)), [4, 0, 0, 0]);
  assert.deepEqual(await run(odd(1), [1, 1, 1], state, [9]), [0]);
});

test('a value that several layers read has one ReLU', () => {
  const image = { name: 'images', shape: [1, 2, 2] };
  const graph = new GraphBuilder(image);
  const paths = new PathNodes(graph, {});
  const relu: Layer[] = [{ kind: 'relu', output: [2, 2, 1] }];
  assert.equal(paths.add(relu, 'one', image), paths.add(relu, 'other', image));
  assert.equal(graph.nodes.length, 1);
});

test('a network larger than protobuf allows is refused before any weight is computed', () => {
  const image = { name: 'images', shape: [1, 1, 1] };
  const graph = new GraphBuilder(image);
  const weight = graph.weight('wide', [1, 2 ** 29, 1], () => assert.fail('computed'));
  const result = graph.node('Mul', 'product', [image, weight], [1, 1, 1]);
  assert.throws(
    () => encodeModel(graph.finish(image, result, 'result'), label),
    (error: Error) => {
      assert.ok(error instanceof InputError);
      assert.match(
        error.message,
        /^the ONNX file: expected at most 2147483647 bytes, protobuf's limit for ONNX, got 2147483\d{3}/,
      );
      return true;
    },
  );
});

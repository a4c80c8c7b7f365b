// Definitions of the operators with options: convolutions, pools, batch norm, losses, concatenation.

import { tensor, zeros } from '../../src/engine/create.ts';
import { call } from '../../src/engine/operator.ts';
import {
  avgPool2d,
  batchNorm,
  cat,
  conv2d,
  crossEntropies,
  crossEntropy,
  embedding,
  linear,
  maximum,
  maxPool2d,
  minimum,
  pad,
  pixelMean,
  stack,
  where,
} from '../../src/engine/operators.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { type Definition, type Elements, sum } from './definition.ts';

type Pair = readonly [number, number];

interface Convolution {
  input: readonly number[]; // [n, c, h, w]
  weight: readonly number[]; // [out, c / groups, kh, kw]
  stride?: Pair;
  padding?: Pair;
  dilation?: Pair;
  groups?: number;
  bias?: boolean;
}

const outside = (value: number, length: number) => value < 0 || value >= length;

function convolution(name: string, settings: Convolution): Definition {
  const { input, weight, stride = [1, 1], padding = [0, 0], dilation = [1, 1], groups = 1, bias = false } = settings;
  const [images, , height, width] = input as [number, number, number, number];
  const [outputs, depth, kernelHeight, kernelWidth] = weight as [number, number, number, number];
  const length = (side: number, kernel: number, axis: 0 | 1) =>
    Math.floor((side + 2 * padding[axis] - dilation[axis] * (kernel - 1) - 1) / stride[axis]) + 1;
  const at = (x: Elements, n: number, c: number, y: number, z: number) =>
    outside(y, height) || outside(z, width) ? 0 : x(n, c, y, z);
  return {
    name: `conv2d ${name}`,
    inputs: [input, weight, ...(bias ? [[outputs]] : [])],
    engine: (x, w, b) => conv2d(x!, w!, { bias: b, stride, padding, dilation, groups }),
    shape: [images, outputs, length(height, kernelHeight, 0), length(width, kernelWidth, 1)],
    element: (x, w, b) => (n, o, i, j) => {
      const first = Math.floor(o! / (outputs / groups)) * depth; // the group's first input channel
      const terms = sum(depth * kernelHeight * kernelWidth, (place) => {
        const [c, v] = [Math.floor(place / (kernelHeight * kernelWidth)), place % kernelWidth];
        const u = Math.floor(place / kernelWidth) % kernelHeight;
        const y = i! * stride[0] - padding[0] + u * dilation[0];
        const z = j! * stride[1] - padding[1] + v * dilation[1];
        return at(x!, n!, first + c, y, z) * w!(o!, c, u, v);
      });
      return terms + (b ? b(o!) : 0);
    },
  };
}

/** Returns the elements of a pool's window inside the image, and the number of padded ones. */
function window(
  x: Elements,
  [n, c, i, j]: number[],
  { kernel, stride, padding }: Record<'kernel' | 'stride' | 'padding', number>,
) {
  const inside: number[] = [];
  for (let y = i! * stride - padding; y < i! * stride - padding + kernel; y++) {
    for (let z = j! * stride - padding; z < j! * stride - padding + kernel; z++) {
      if (!outside(y, 5) && !outside(z, 6)) inside.push(x(n!, c!, y, z));
    }
  }
  return inside;
}

const total = (numbers: number[]) => sum(numbers.length, (place) => numbers[place]!);
const pools = [
  { kernel: 2, stride: 2, padding: 0, shape: [2, 2, 2, 3] },
  { kernel: 3, stride: 1, padding: 1, shape: [2, 2, 5, 6] },
  { kernel: 3, stride: 2, padding: 1, shape: [2, 2, 3, 3] },
];
const image = [2, 2, 5, 6];

function pool(
  name: string,
  engine: (x: Tensor, options: (typeof pools)[number]) => Tensor,
  value: (inside: number[], kernel: number) => number,
) {
  return pools.map(
    (options): Definition => ({
      name: `${name} of ${options.kernel} at stride ${options.stride}, padding ${options.padding}`,
      inputs: [image],
      engine: (x) => engine(x!, options),
      shape: options.shape,
      element:
        (x) =>
        (...index) =>
          value(window(x!, index, options), options.kernel),
    }),
  );
}

const epsilon = 0.01;

function normalised(training: boolean): Definition {
  const [mean, spread] = [
    [0.3, -0.2],
    [1.5, 0.4],
  ]; // moving mean and variance
  const moving = (numbers: number[]) => tensor(numbers, [2], { dtype: 'float64' });
  const batch = (x: Elements, c: number) => {
    const all = [0, 1, 2].flatMap((n) => [0, 1].flatMap((i) => [0, 1].map((j) => x(n, c, i, j))));
    const middle = total(all) / all.length;
    return [middle, total(all.map((each) => (each - middle) ** 2)) / all.length] as const;
  };
  return {
    name: `batchNorm in ${training ? 'training' : 'evaluation'}`,
    inputs: [[3, 2, 2, 2], [2], [2]],
    engine: (x, weight, bias) =>
      batchNorm(x!, {
        weight: weight!,
        bias: bias!,
        movingMean: moving(mean!),
        movingVariance: moving(spread!),
        training,
        momentum: 0.1,
        epsilon,
      }),
    shape: [3, 2, 2, 2],
    element: (x, weight, bias) => (n, c, i, j) => {
      const [middle, wide] = training ? batch(x!, c!) : [mean![c!]!, spread![c!]!];
      return ((x!(n!, c!, i!, j!) - middle) / Math.sqrt(wide + epsilon)) * weight!(c!) + bias!(c!);
    },
  };
}

const labels = [2, 0, 2];

const logProbability = (x: Elements, n: number, k: number) => x(n, k) - Math.log(sum(4, (m) => Math.exp(x(n, m))));
const entropyOf = (x: Elements, n: number, smoothing: number) =>
  -(1 - smoothing) * logProbability(x, n, labels[n]!) - (smoothing / 4) * sum(4, (k) => logProbability(x, n, k));

const entropy = (smoothing: number): Definition => ({
  name: `crossEntropy with smoothing ${smoothing}`,
  inputs: [[3, 4]],
  engine: (x) => crossEntropy(x!, tensor(labels, [3], { dtype: 'int64' }), smoothing),
  shape: [],
  element: (x) => () => sum(3, (n) => entropyOf(x!, n, smoothing)) / 3,
});

const entropies = (smoothing: number): Definition => ({
  name: `crossEntropies with smoothing ${smoothing}`,
  inputs: [[3, 4]],
  engine: (x) => crossEntropies(x!, tensor(labels, [3], { dtype: 'int64' }), smoothing),
  shape: [3],
  element: (x) => (n) => entropyOf(x!, n!, smoothing),
});

const rows = [1, 3, 3, 0];
const grid = [2, 3];

export const images: Definition[] = [
  convolution('plain', { input: [2, 2, 4, 5], weight: [3, 2, 3, 2] }),
  convolution('of one pixel', { input: [2, 3, 2, 2], weight: [2, 3, 1, 1], bias: true }),
  convolution('padded, with a bias', { input: [1, 2, 4, 3], weight: [2, 2, 3, 3], padding: [1, 1], bias: true }),
  convolution('strided', { input: [1, 2, 6, 5], weight: [2, 2, 3, 3], stride: [2, 2], padding: [1, 1] }),
  convolution('with unequal strides and paddings', {
    input: [1, 1, 5, 6],
    weight: [2, 1, 2, 3],
    stride: [1, 3],
    padding: [0, 2],
  }),
  convolution('dilated', { input: [1, 2, 6, 6], weight: [2, 2, 3, 3], dilation: [2, 2], padding: [2, 2] }),
  convolution('dilated and strided', {
    input: [1, 1, 7, 7],
    weight: [1, 1, 3, 3],
    dilation: [2, 1],
    stride: [2, 2],
    padding: [2, 0],
  }),
  convolution('in two groups', { input: [1, 4, 3, 3], weight: [6, 2, 2, 2], groups: 2, bias: true }),
  convolution('depthwise, strided', {
    input: [2, 3, 5, 5],
    weight: [3, 1, 3, 3],
    groups: 3,
    stride: [2, 2],
    padding: [1, 1],
  }),
  convolution('of 1 × 7', { input: [1, 2, 2, 8], weight: [2, 2, 1, 7], padding: [0, 3] }),
  {
    ...convolution('in channels_last', { input: [2, 3, 4, 4], weight: [2, 3, 3, 3], padding: [1, 1], stride: [2, 2] }),
    engine: (x, w) => conv2d(x!.contiguous('channels_last'), w!.contiguous('channels_last'), { stride: 2, padding: 1 }),
  },
  {
    name: 'pad',
    inputs: [[1, 2, 2, 3]],
    engine: (x) => pad(x!, [1, 0, 2, 3], 7),
    shape: [1, 2, 3, 8],
    element: (x) => (n, c, i, j) => (i! < 1 || j! < 2 || j! > 4 ? 7 : x!(n!, c!, i! - 1, j! - 2)),
  },
  ...pool('maxPool2d', maxPool2d, (inside) => Math.max(...inside)),
  ...pool('avgPool2d counting the padding,', avgPool2d, (inside, kernel) => total(inside) / kernel ** 2),
  ...pool(
    'avgPool2d of the image alone,',
    (x, options) => avgPool2d(x, { ...options, countPadding: false }),
    (inside) => total(inside) / inside.length,
  ),
  normalised(true),
  normalised(false),
  {
    name: 'linear',
    inputs: [[2, 2, 3], [4, 3], [4]],
    engine: (x, w, b) => linear(x!, w!, b),
    shape: [2, 2, 4],
    element: (x, w, b) => (m, n, o) => b!(o!) + sum(3, (i) => x!(m!, n!, i) * w!(o!, i)),
  },
  {
    name: 'embedding',
    inputs: [[5, 3]],
    engine: (w) => embedding(tensor(rows, [2, 2], { dtype: 'int64' }), w!),
    shape: [2, 2, 3],
    element: (w) => (m, n, k) => w!(rows[2 * m! + n!]!, k!),
  },
  entropy(0),
  entropy(0.1),
  entropies(0),
  entropies(0.1),
  {
    name: 'cat',
    inputs: [grid, [2, 1]],
    engine: (a, b) => cat([a!, b!, a!], 1),
    shape: [2, 7],
    element: (a, b) => (i, j) => (j === 3 ? b!(i!, 0) : a!(i!, j! % 4)),
  },
  {
    name: 'stack',
    inputs: [grid, grid],
    engine: (a, b) => stack([a!, b!], 1),
    shape: [2, 2, 3],
    element: (a, b) => (i, n, j) => (n === 0 ? a : b)!(i!, j!),
  },
  {
    name: 'where',
    inputs: [grid, grid],
    engine: (a, b) => where(a!.gt(0), b!, a!),
    shape: grid,
    element: (a, b) => (i, j) => (a!(i!, j!) > 0 ? b : a)!(i!, j!),
  },
  {
    name: 'minimum',
    inputs: [grid, [3]],
    engine: (a, b) => minimum(a!, b!),
    shape: grid,
    element: (a, b) => (i, j) => Math.min(a!(i!, j!), b!(j!)),
  },
  {
    name: 'maximum',
    inputs: [grid, [3]],
    engine: (a, b) => maximum(a!, b!),
    shape: grid,
    element: (a, b) => (i, j) => Math.max(a!(i!, j!), b!(j!)),
  },
  {
    name: 'pixelMean',
    inputs: [[2, 3, 4, 5]],
    engine: (x) => pixelMean(x!),
    shape: [2, 3],
    element: (x) => (n, c) => sum(20, (place) => x!(n!, c!, Math.floor(place / 5), place % 5)) / 20,
  },
  lstm('hidden', 0),
  lstm('cell', 1),
];

/** Defines one step of an LSTM of two units on one input with the generic call, which has several results. */
function lstm(what: string, result: 0 | 1): Definition {
  const sigmoid = (value: number) => 1 / (1 + Math.exp(-value));
  return {
    name: `lstm_cell's ${what}`,
    inputs: [
      [3, 1],
      [3, 2],
      [3, 2],
      [8, 1],
      [8, 2],
    ],
    engine: (x, h, c, wx, wh) => {
      const bias = zeros([8], { dtype: 'float64' });
      return (call('aten::lstm_cell', '', [x!, [h!, c!], wx!, wh!, bias, undefined]) as Tensor[])[result]!;
    },
    shape: [3, 2],
    element: (x, h, c, wx, wh) => (n, unit) => {
      const gate = (which: number) =>
        x!(n!, 0) * wx!(2 * which + unit!, 0) + sum(2, (k) => h!(n!, k) * wh!(2 * which + unit!, k));
      const next = sigmoid(gate(1)) * c!(n!, unit!) + sigmoid(gate(0)) * Math.tanh(gate(2));
      return result === 1 ? next : sigmoid(gate(3)) * Math.tanh(next);
    },
  };
}

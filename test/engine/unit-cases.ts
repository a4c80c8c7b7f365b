// Fused units with random windows on random images, for comparisons of our operators with libtorch's in float64. The
// reference pads by hand and normalises by its own formula.

import assert from 'node:assert/strict';
import { ones, randn, zeros } from '../../src/engine/create.ts';
import type { Precision } from '../../src/engine/device.ts';
import { combine, fusedUnit, type Raw } from '../../src/engine/fused.ts';
import { noGrad } from '../../src/engine/memory.ts';
import { conv2d, pad } from '../../src/engine/operators.ts';
import type { DType, Tensor } from '../../src/engine/tensor.ts';
import { RandomStream } from '../../src/random/stream.ts';

export type Four = [number, number, number, number];

export interface UnitCase {
  kind: 'pointwise' | 'depthwise' | 'dense';
  kernel: [number, number];
  stride: [number, number];
  padding: Four;
  dilation: [number, number];
  channels: number;
  outputs: number;
}

export interface Case {
  images: number;
  height: number;
  width: number;
  relu: boolean;
  units: UnitCase[];
}

// At least 3: after a single channel the norm cancels the 1×1 weight, whose gradient is then 0 except for rounding.
const channelCounts = [3, 5, 4, 7, 8, 12, 16, 24, 33, 48, 150];

/** Returns chains of one or two units whose statistics are of at least 16 numbers. */
export function* cases(seed: string, count: number): Generator<Case> {
  const random = new RandomStream(seed);
  const among = <T>(values: readonly T[]): T => values[random.integer(values.length)]!;
  let index = 0;
  while (index < count) {
    const [images, height, width] = [1 + random.integer(3), 3 + random.integer(18), 3 + random.integer(18)];
    let [channels, rows, columns, fewest] = [among(channelCounts), height, width, Infinity];
    const units = Array.from({ length: 1 + random.integer(2) }, (): UnitCase => {
      const kind = among(['pointwise', 'depthwise', 'depthwise', 'dense'] as const);
      const axis = (size: number) => {
        const [kernel, stride] = [kind === 'pointwise' ? 1 : among([1, 2, 3, 3, 5, 5, 7]), among([1, 1, 2])];
        const dilation = kind === 'pointwise' ? 1 : among([1, 1, 2]);
        const reach = (kernel - 1) * dilation;
        const pads =
          kind !== 'pointwise' || stride === 2
            ? [random.integer(reach + 2) - 1, random.integer(reach + 2) - 1]
            : [0, 0];
        const result = Math.floor((size + pads[0]! + pads[1]! - reach - 1) / stride) + 1;
        return { kernel, stride, dilation, pads, result };
      };
      const [down, across] = [axis(rows), axis(columns)];
      const input = channels;
      [channels, rows, columns] = [among(channelCounts), down.result, across.result];
      fewest = Math.min(fewest, rows, columns);
      return {
        kind,
        kernel: [down.kernel, across.kernel],
        stride: [down.stride, across.stride],
        dilation: [down.dilation, across.dilation],
        padding: [...down.pads, ...across.pads] as Four,
        channels: input,
        outputs: channels,
      };
    });
    if (fewest < 1 || images * rows * columns < 16) continue;
    index++;
    yield { images, height, width, relu: random.integer(4) > 0, units };
  }
}

export function variable(numbers: Tensor): Tensor {
  const made = numbers.detach();
  made.requiresGrad = true;
  return made;
}

export function assertNear(what: string, got: Tensor, expected: Tensor, tolerance: number): void {
  assert.deepEqual(got.shape, expected.shape, what);
  const largest = Math.max(expected.abs().max().item() as number, 1e-3);
  const difference = got.to('float64').sub(expected.to('float64')).abs().max().item() as number;
  assert.ok(difference <= tolerance * largest, `${what}: off by ${difference} where the largest element is ${largest}`);
}

export const perUnit = ({ kind, kernel, channels, outputs }: UnitCase): Tensor[] => [
  randn([channels, 1, ...kernel]),
  kind === 'dense'
    ? randn([outputs, channels, ...kernel]).div(Math.sqrt(channels * kernel[0] * kernel[1]))
    : randn([outputs, channels, 1, 1]).div(Math.sqrt(channels)),
  randn([outputs]).add(2),
  randn([outputs]),
];

/** The moving mean and variance of each unit. */
export type Moving = [Tensor, Tensor][];
export const movingOf = ({ units }: Case, dtype: DType): Moving =>
  units.map(({ outputs }) => [zeros([outputs], { dtype }), ones([outputs], { dtype })]);

export function fused(
  of: Case,
  input: Tensor,
  weights: Tensor[],
  moving: Moving,
  training = true,
  precision: Precision = 'float32',
): Tensor {
  let value: Tensor | Raw = input;
  of.units.forEach(({ kind, ...window }, index) => {
    const [filter, matrix, weight, bias] = weights.slice(4 * index) as [Tensor, Tensor, Tensor, Tensor];
    const [movingMean, movingVariance] = moving[index]!;
    const norm = { weight, bias, movingMean, movingVariance, training, momentum: 0.1, epsilon: 1e-5 };
    const depthwise = kind === 'depthwise' ? filter : undefined;
    value = fusedUnit(value, { ...window, depthwise, weight: matrix, relu: index > 0 || of.relu, norm, precision });
  });
  return combine(value);
}

export function reference(of: Case, input: Tensor, weights: Tensor[], moving: Moving, training = true): Tensor {
  let value = input;
  of.units.forEach(({ kind, stride, padding, dilation, channels }, index) => {
    const [filter, matrix, weight, bias] = weights.slice(4 * index) as [Tensor, Tensor, Tensor, Tensor];
    if (index > 0 || of.relu) value = value.relu();
    value = pad(value, padding);
    value =
      kind === 'depthwise'
        ? conv2d(conv2d(value, filter, { stride, dilation, groups: channels }), matrix)
        : conv2d(value, matrix, { stride, dilation });
    const column = (each: Tensor) => each.reshape([1, -1, 1, 1]);
    const [movingMean, movingVariance] = moving[index]!;
    let [mean, variance] = [column(movingMean), column(movingVariance)];
    if (training) {
      mean = value.mean([0, 2, 3], true);
      variance = value.sub(mean).pow(2).mean([0, 2, 3], true);
      const count = value.size / value.shape[1]!;
      noGrad(() => {
        movingMean.mul_(0.9).add_(mean.flatten().mul(0.1));
        movingVariance.mul_(0.9).add_(variance.flatten().mul((0.1 * count) / (count - 1)));
      });
    }
    value = value.sub(mean).div(variance.add(1e-5).sqrt()).mul(column(weight)).add(column(bias));
  });
  return value;
}

// Our fused operators (native/kernels): a unit's ReLU and convolutions in one pass over the images; the reader of the
// result applies the batch norm. They run on the CPU and have gradients, in float32 or with products and images in
// bfloat16; other dtypes and devices use libtorch's operators. With NASNET_FUSED=off (or NASNET_KERNELS=off) model/
// runs layer by layer instead.

import { switches } from '../environment.ts';
import { cpu, type Precision } from './device.ts';
import { operator } from './operator.ts';
import { type BatchNormOptions, cat } from './operators.ts';
import { type DType, Tensor } from './tensor.ts';

/** The result of a unit before its batch norm, and the norm. Only `fusedUnit` and `combine` can read it. */
export interface Raw {
  readonly raw: Tensor; // [n, c, h, w]
  readonly norm: Tensor; // [4, c]
}

export interface UnitOptions {
  /**
   * One filter per channel, [c, 1, kh, kw], before a 1×1 convolution. Stride, padding and dilation then apply to it.
   */
  depthwise?: Tensor | undefined;
  /** [outputs, c, kh, kw] */
  weight: Tensor;
  norm: BatchNormOptions;
  stride: readonly [vertical: number, horizontal: number];
  padding: readonly [top: number, bottom: number, left: number, right: number];
  dilation: readonly [vertical: number, horizontal: number];
  /** Whether to apply a ReLU to the input first; always done for a raw input. */
  relu: boolean;
  /**
   * The precision of the result and of the operands of matrix products: bfloat16 rounds to 8 bits (relative error up to
   * 2⁻⁸). Sums, depthwise convolutions, normalisation, parameters and their gradients stay in float32; the input may.
   */
  precision?: Precision | undefined;
}

/**
 * Maps [n, c, h, w] to raw [n, outputs, h', w']. In training updates the moving statistics as `batchNorm` of
 * operators.ts does.
 */
export function fusedUnit(input: Tensor | Raw, options: UnitOptions): Raw {
  const { weight, bias, movingMean, movingVariance, training, momentum, epsilon } = options.norm;
  const norms = [weight, bias, movingMean, movingVariance];
  const [raw, norm] = unit.tensors(
    ...unitValues(input, options),
    ...norms,
    ...windowOf(options),
    training,
    momentum,
    epsilon,
    inBits(options),
  );
  return { raw: raw!, norm: norm! };
}

/** Computes a unit without a batch norm: [n, c, h, w] → [n, outputs, h', w']. */
export function fusedConvolution(input: Tensor | Raw, options: Omit<UnitOptions, 'norm'>): Tensor {
  const values = [...unitValues(input, options), ...new Array(4), ...windowOf(options), true, 0, 0, inBits(options)];
  const [result] = unit.tensors(...values);
  return result!;
}

function unitValues(input: Tensor | Raw, { depthwise, weight }: Omit<UnitOptions, 'norm'>) {
  const [images, inputNorm] = input instanceof Tensor ? [input, undefined] : [input.raw, input.norm];
  return [images, inputNorm, depthwise, weight];
}

const inBits = ({ precision }: Pick<UnitOptions, 'precision'>) => precision === 'bfloat16';

function windowOf({ stride, padding, dilation, relu }: Omit<UnitOptions, 'norm'>) {
  return [stride, padding, dilation, relu] as const;
}

/** Normalises raw images and adds one or two images of the same shape. */
export function combine(left: Tensor | Raw, right?: Tensor | Raw): Tensor {
  const parts = [left, right].flatMap((input) => {
    return input === undefined || input instanceof Tensor ? [input, undefined] : [input.raw, input.norm];
  });
  return sum.tensor(...parts);
}

/** Concatenates images of one size in depth: [n, c₁, h, w], [n, c₂, h, w] … → [n, c₁ + c₂ …, h, w]. */
export function concat(images: readonly Tensor[]): Tensor {
  return fusedOn() ? concatenation.tensor(images) : cat(images, 1);
}

/**
 * Returns the same images for each of `count` readers, whose gradients are added in one pass. Readers must not write to
 * them.
 */
export function fanOut(images: Tensor, count: number): Tensor[] {
  return count < 2 ? [images] : fan.tensors(images, count);
}

/** Whether networks use these operators. */
export function fusedOn(): boolean {
  return switches.fused && switches.kernels;
}

/** Whether a network of this dtype and device uses these operators; for others libtorch's operators are as fast. */
export function fuses({ dtype = 'float32', device = cpu }: { dtype?: DType; device?: string }): boolean {
  return fusedOn() && dtype === 'float32' && device === cpu;
}

const unit = operator('nasnet::unit');
const sum = operator('nasnet::combine');
const concatenation = operator('nasnet::concat');
const fan = operator('nasnet::fan_out');

// Fused operators of our own (native/kernels): a unit's ReLU and convolutions in one pass over the images, its batch norm applied by
// whoever reads the result. They compute on the CPU with gradients of their own, in float32 or with products and images of bfloat16;
// other dtypes and devices go through libtorch's operators. NASNET_FUSED=off (or NASNET_KERNELS=off) tells model/ to go layer by layer instead.

import { switches } from '../environment.ts';
import { cpu, type Precision } from './device.ts';
import { operator } from './operator.ts';
import { type BatchNormOptions, cat } from './operators.ts';
import { type DType, Tensor } from './tensor.ts';

/** The result of a unit before its batch norm, and that norm. Only `fusedUnit` and `combine` read it. */
export interface Raw {
  readonly raw: Tensor; // [n, c, h, w]
  readonly norm: Tensor; // [4, c]
}

export interface UnitOptions {
  /** One filter for each channel, [c, 1, kh, kw], before a 1×1 convolution; it takes the window then. */
  depthwise?: Tensor | undefined;
  /** [outputs, c, kh, kw] */
  weight: Tensor;
  norm: BatchNormOptions;
  stride: readonly [vertical: number, horizontal: number];
  padding: readonly [top: number, bottom: number, left: number, right: number];
  dilation: readonly [vertical: number, horizontal: number];
  /** Whether the input goes through a ReLU first; that of a raw input always does. */
  relu: boolean;
  /**
   * Of the result and of what goes into matrix products: bfloat16 rounds to 8 bits (2⁻⁸ at most). Sums, depthwise convolutions,
   * normalising, parameters and their gradients stay in float32; so may the input.
   */
  precision?: Precision | undefined;
}

/** [n, c, h, w] → the raw [n, outputs, h', w']. Training moves the moving statistics as `batchNorm` of operators.ts does. */
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

/** The same without a batch norm: [n, c, h, w] → [n, outputs, h', w']. */
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

/** The sum of one or two images of the same shape, raw ones normalised. */
export function combine(left: Tensor | Raw, right?: Tensor | Raw): Tensor {
  const parts = [left, right].flatMap((each) => {
    return each === undefined || each instanceof Tensor ? [each, undefined] : [each.raw, each.norm];
  });
  return sum.tensor(...parts);
}

/** Images of one size side by side in depth: [n, c₁, h, w], [n, c₂, h, w] … → [n, c₁ + c₂ …, h, w]. */
export function concat(images: readonly Tensor[]): Tensor {
  return fusedOn() ? concatenation.tensor(images) : cat(images, 1);
}

/** The same images for each of `count` readers, whose gradients are added in one pass. Nobody may write into them. */
export function fanOut(images: Tensor, count: number): Tensor[] {
  return count < 2 ? [images] : fan.tensors(images, count);
}

/** Whether networks are made of the operators here. */
export function fusedOn(): boolean {
  return switches.fused && switches.kernels;
}

/** The same of a network of this kind: elsewhere libtorch's operators one by one are as fast. */
export function fuses({ dtype = 'float32', device = cpu }: { dtype?: DType; device?: string }): boolean {
  return fusedOn() && dtype === 'float32' && device === cpu;
}

const unit = operator('nasnet::unit');
const sum = operator('nasnet::combine');
const concatenation = operator('nasnet::concat');
const fan = operator('nasnet::fan_out');

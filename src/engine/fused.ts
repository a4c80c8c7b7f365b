// Fused operators of our own (native/kernels): a unit's ReLU, depthwise and 1×1 convolution in one pass over the images, its batch
// norm applied by whoever reads the result. They compute in float32 on the CPU with gradients of their own; other dtypes and devices
// go through libtorch's operators. NASNET_FUSED=off (or NASNET_KERNELS=off) tells model/ to go layer by layer instead.

import { operator } from './operator.ts';
import type { BatchNormOptions } from './operators.ts';
import { Tensor } from './tensor.ts';

/** The result of a unit before its batch norm, and that norm. Only `fusedUnit` and `combine` read it. */
export interface Raw {
  readonly raw: Tensor; // [n, c, h, w]
  readonly norm: Tensor; // [4, c]
}

export interface UnitOptions extends BatchNormOptions {
  /** One filter for each channel, [c, 1, kh, kw], before the 1×1 convolution; absent: the 1×1 convolution takes stride and padding. */
  depthwise?: Tensor | undefined;
  /** [outputs, c, 1, 1] */
  pointwise: Tensor;
  stride: readonly [vertical: number, horizontal: number];
  padding: readonly [top: number, bottom: number, left: number, right: number];
  dilation: readonly [vertical: number, horizontal: number];
  /** Whether the input goes through a ReLU first; that of a raw input always does. */
  relu: boolean;
}

/** [n, c, h, w] → the raw [n, outputs, h', w']. Training moves the moving statistics as `batchNorm` of operators.ts does. */
export function fusedUnit(input: Tensor | Raw, options: UnitOptions): Raw {
  const { depthwise, pointwise, stride, padding, dilation, relu, training, momentum, epsilon } = options;
  const { weight, bias, movingMean, movingVariance } = options;
  const [images, inputNorm] = input instanceof Tensor ? [input, undefined] : [input.raw, input.norm];
  const norms = [weight, bias, movingMean, movingVariance];
  const window = [stride, padding, dilation, relu] as const;
  const [raw, norm] = unit.tensors(
    images,
    inputNorm,
    depthwise,
    pointwise,
    ...norms,
    ...window,
    training,
    momentum,
    epsilon,
  );
  return { raw: raw!, norm: norm! };
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
  return concatenation.tensor(images);
}

/** Whether networks are made of the operators here. */
export function fusedOn(): boolean {
  return process.env.NASNET_FUSED !== 'off' && process.env.NASNET_KERNELS !== 'off';
}

const unit = operator('nasnet::unit');
const sum = operator('nasnet::combine');
const concatenation = operator('nasnet::concat');

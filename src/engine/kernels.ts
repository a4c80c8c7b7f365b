// Our operators (native/kernels) for the layers in which networks with few channels spend their time: depthwise
// convolutions, pools and batch normalisation. They accept float32 and bfloat16 images in the channels_last format on
// the CPU and compute in float32. Other inputs, kernels larger than 7, strides above 2, and all inputs with
// NASNET_KERNELS=off use libtorch's operators, with the same results.

import { switches } from '../environment.ts';
import { operator } from './operator.ts';
import type { BatchNormOptions } from './operators.ts';
import type { DType, Tensor } from './tensor.ts';

type Pair = readonly [vertical: number, horizontal: number];
/** Rows and columns around the image; negative numbers cut off. */
type Padding = readonly [top: number, bottom: number, left: number, right: number];

export interface DepthwiseOptions {
  stride?: Pair;
  padding?: Padding;
  dilation?: Pair;
  /** Whether to apply a ReLU to the input first, which takes almost no time here. */
  relu?: boolean;
}

/**
 * Convolves each channel with one filter: input [n, c, h, w], weight [c, 1, kh, kw] (float32 also with bfloat16 images)
 * → [n, c, h', w'].
 */
export function depthwiseConv2d(input: Tensor, weight: Tensor, options: DepthwiseOptions = {}): Tensor {
  const { stride = [1, 1], padding = [0, 0, 0, 0], dilation = [1, 1], relu = false } = options;
  return depthwise.tensor(input, weight, stride, padding, dilation, relu);
}

/**
 * Whether a depthwise convolution with this input includes a ReLU at no cost. With libtorch's operators it is better to
 * share one ReLU among all readers.
 */
export function fusesRelu({ dtype = 'float32', device = 'cpu' }: { dtype?: DType; device?: string }): boolean {
  return switches.kernels && dtype === 'float32' && device === 'cpu';
}

export interface WindowOptions {
  kernel: Pair;
  stride?: Pair;
  padding?: Padding;
}

/** Averages the pixels under each window without padding: [n, c, h, w] → [n, c, h', w']. */
export function averagePool(input: Tensor, { kernel, stride = [1, 1], padding = [0, 0, 0, 0] }: WindowOptions): Tensor {
  return average.tensor(input, kernel, stride, padding);
}

/** Returns the largest of the pixels under each window without padding: [n, c, h, w] → [n, c, h', w']. */
export function maxPool(input: Tensor, { kernel, stride = [1, 1], padding = [0, 0, 0, 0] }: WindowOptions): Tensor {
  return maximum.tensor(input, kernel, stride, padding);
}

/** Computes the same as `batchNorm` of operators.ts. */
export function normaliseBatch(input: Tensor, options: BatchNormOptions): Tensor {
  const { weight, bias, movingMean, movingVariance, training, momentum, epsilon } = options;
  // bfloat16 images are converted to float32 and back, because this operator is rarely used without fusion.
  const narrow = input.dtype === 'bfloat16' && input.device === 'cpu' && switches.kernels;
  const images = narrow ? input.to('float32') : input;
  const result = norm.tensor(images, weight, bias, movingMean, movingVariance, training, momentum, epsilon);
  return narrow ? result.to('bfloat16') : result;
}

const depthwise = operator('nasnet::depthwise_conv2d');
const average = operator('nasnet::average_pool2d');
const maximum = operator('nasnet::max_pool2d');
const norm = operator('nasnet::batch_norm');

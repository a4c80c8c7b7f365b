// Operators of our own (native/kernels) for what networks of few channels spend their time on: depthwise convolutions, pools and
// batch normalisation.
// They take float32 and bfloat16 images in the channels_last format on the CPU and compute in float32; anything else, kernels larger than
// 7, strides above 2, and everything where the environment has NASNET_KERNELS=off goes through libtorch's operators, with the same results.

import { switches } from '../environment.ts';
import { operator } from './operator.ts';
import type { BatchNormOptions } from './operators.ts';
import type { DType, Tensor } from './tensor.ts';

type Pair = readonly [vertical: number, horizontal: number];
/** Cells around the image; negative numbers cut off. */
type Padding = readonly [top: number, bottom: number, left: number, right: number];

export interface DepthwiseOptions {
  stride?: Pair;
  padding?: Padding;
  dilation?: Pair;
  /** Whether the input goes through a ReLU first, which costs next to nothing here. */
  relu?: boolean;
}

/** One filter for each channel: input [n, c, h, w], weight [c, 1, kh, kw] (float32 with bfloat16, too) → [n, c, h', w']. */
export function depthwiseConv2d(input: Tensor, weight: Tensor, options: DepthwiseOptions = {}): Tensor {
  const { stride = [1, 1], padding = [0, 0, 0, 0], dilation = [1, 1], relu = false } = options;
  return depthwise.tensor(input, weight, stride, padding, dilation, relu);
}

/**
 * Whether a depthwise convolution with this input takes a ReLU along for nothing. Where it goes through libtorch's operators, one
 * ReLU is better shared by all who read it.
 */
export function fusesRelu({ dtype = 'float32', device = 'cpu' }: { dtype?: DType; device?: string }): boolean {
  return switches.kernels && dtype === 'float32' && device === 'cpu';
}

export interface WindowOptions {
  kernel: Pair;
  stride?: Pair;
  padding?: Padding;
}

/** The mean of the real cells under each window, padding never counting: [n, c, h, w] → [n, c, h', w']. */
export function averagePool(input: Tensor, { kernel, stride = [1, 1], padding = [0, 0, 0, 0] }: WindowOptions): Tensor {
  return average.tensor(input, kernel, stride, padding);
}

/** The largest of the real cells under each window: [n, c, h, w] → [n, c, h', w']. */
export function maxPool(input: Tensor, { kernel, stride = [1, 1], padding = [0, 0, 0, 0] }: WindowOptions): Tensor {
  return maximum.tensor(input, kernel, stride, padding);
}

/** As `batchNorm` of operators.ts. */
export function normaliseBatch(input: Tensor, options: BatchNormOptions): Tensor {
  const { weight, bias, movingMean, movingVariance, training, momentum, epsilon } = options;
  // Alone it is rare: images of bfloat16 go through it as float32, and back.
  const narrow = input.dtype === 'bfloat16' && input.device === 'cpu' && switches.kernels;
  const images = narrow ? input.to('float32') : input;
  const result = norm.tensor(images, weight, bias, movingMean, movingVariance, training, momentum, epsilon);
  return narrow ? result.to('bfloat16') : result;
}

const depthwise = operator('nasnet::depthwise_conv2d');
const average = operator('nasnet::average_pool2d');
const maximum = operator('nasnet::max_pool2d');
const norm = operator('nasnet::batch_norm');

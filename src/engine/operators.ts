// Operators with options: convolutions, normalisation, pools, losses, concatenation. Images are [images, channels,
// height, width].
// Operators that read best as methods are in tensor.ts; `call` (operator.ts) calls any other.

import { pairOf } from '../pair.ts';
import { operator } from './operator.ts';
import { asImages } from './precision.ts';
import { elementBytes, type Tensor } from './tensor.ts';

export interface ConvolutionOptions {
  bias?: Tensor | undefined;
  stride?: number | readonly number[];
  /** Zeros on both sides of each axis. */
  padding?: number | readonly number[];
  dilation?: number | readonly number[];
  groups?: number;
}

/** Convolves input [n, in, h, w] with weight [out, in / groups, kh, kw] → [n, out, h', w']. */
export function conv2d(input: Tensor, weight: Tensor, options: ConvolutionOptions = {}): Tensor {
  const { bias, stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  return convolution.tensor(
    input,
    asImages(weight, input),
    bias && asImages(bias, input),
    pairOf(stride),
    pairOf(padding),
    pairOf(dilation),
    groups,
  );
}

/** Adds zeros (or `value`) around the last two axes: [top, bottom, left, right]. */
export function pad(input: Tensor, [top, bottom, left, right]: readonly number[], value = 0): Tensor {
  return constantPad.tensor(input, [left!, right!, top!, bottom!], value);
}

export interface BatchNormOptions {
  weight: Tensor;
  bias: Tensor;
  /** Used in evaluation, updated in training. */
  movingMean: Tensor;
  movingVariance: Tensor;
  training: boolean;
  /** The weight of the batch's statistics in an update of the moving ones: 1 − decay. */
  momentum: number;
  epsilon: number;
}

/** Normalises each channel by the batch's statistics (training) or the moving ones; all parameters are [channels]. */
export function batchNorm(input: Tensor, options: BatchNormOptions): Tensor {
  const { weight, bias, movingMean, movingVariance, training, momentum, epsilon } = options;
  return batchNormOperator.tensor(input, weight, bias, movingMean, movingVariance, training, momentum, epsilon, false);
}

export interface PoolOptions {
  kernel: number | readonly number[];
  stride?: number | readonly number[];
  padding?: number | readonly number[];
  /** Average pools only: whether padded zeros count in the average. */
  countPadding?: boolean;
}

export function maxPool2d(input: Tensor, { kernel, stride = kernel, padding = 0 }: PoolOptions): Tensor {
  return maxPool.tensor(input, pairOf(kernel), pairOf(stride), pairOf(padding), [1, 1], false);
}

export function avgPool2d(input: Tensor, options: PoolOptions): Tensor {
  const { kernel, stride = kernel, padding = 0, countPadding = true } = options;
  return avgPool.tensor(input, pairOf(kernel), pairOf(stride), pairOf(padding), false, countPadding);
}

/**
 * Returns the mean of each image's pixels: [n, c, h, w] → [n, c] or [n, c, 1, 1]. A sum that is divided has the bits of
 * libtorch's mean, whose gradient, however, is divided pixel by pixel and loses the layout of the images.
 */
export function pixelMean(images: Tensor, keepAxes = false): Tensor {
  const [, , height, width] = images.shape as [number, number, number, number];
  if (elementBytes[images.dtype] < 4) return images.mean([2, 3], keepAxes); // a sum of 16 bits would be rounded
  return images.sum([2, 3], keepAxes).div(height * width);
}

/** Multiplies input [.., in] by weight [out, in] and adds bias [out] → [.., out]. */
export function linear(input: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  return linearOperator.tensor(input, asImages(weight, input), bias && asImages(bias, input));
}

/** Selects rows of `weight` [rows, size] by int64 indices [..] → [.., size]. */
export function embedding(indices: Tensor, weight: Tensor): Tensor {
  return embeddingOperator.tensor(weight, indices);
}

/** Returns the mean of −log softmax at the label over the batch: logits [n, classes], labels int64 [n] → []. */
export function crossEntropy(logits: Tensor, labels: Tensor, labelSmoothing = 0): Tensor {
  return crossEntropyOperator.tensor(logits, labels, undefined, 1, -100, labelSmoothing); // 1: the mean
}

/** Returns −log softmax at the label for each row: logits [n, classes], labels int64 [n] → [n]. */
export function crossEntropies(logits: Tensor, labels: Tensor, labelSmoothing = 0): Tensor {
  return crossEntropyOperator.tensor(logits, labels, undefined, 0, -100, labelSmoothing); // 0: no reduction
}

/** In training sets each element to 0 with probability 1 − keep and divides the others by keep. */
export function dropout(input: Tensor, keep: number, training: boolean): Tensor {
  return dropoutOperator.tensor(input, 1 - keep, training);
}

export function cat(tensors: readonly Tensor[], axis = 0): Tensor {
  return catOperator.tensor(tensors, axis);
}

export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  return stackOperator.tensor(tensors, axis);
}

/** Returns the elements of `yes` where the bool condition is true, otherwise those of `no`. */
export function where(condition: Tensor, yes: Tensor, no: Tensor): Tensor {
  return whereOperator.tensor(condition, yes, no);
}

export function minimum(one: Tensor, other: Tensor): Tensor {
  return minimumOperator.tensor(one, other);
}

export function maximum(one: Tensor, other: Tensor): Tensor {
  return maximumOperator.tensor(one, other);
}

const convolution = operator('aten::conv2d');
const constantPad = operator('aten::constant_pad_nd');
const batchNormOperator = operator('aten::batch_norm');
const maxPool = operator('aten::max_pool2d');
const avgPool = operator('aten::avg_pool2d');
const linearOperator = operator('aten::linear');
const embeddingOperator = operator('aten::embedding');
const crossEntropyOperator = operator('aten::cross_entropy_loss');
const dropoutOperator = operator('aten::dropout');
const catOperator = operator('aten::cat');
const stackOperator = operator('aten::stack');
const whereOperator = operator('aten::where', 'self');
const minimumOperator = operator('aten::minimum');
const maximumOperator = operator('aten::maximum');

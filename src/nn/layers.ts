// Layers, with a few parameters and one operator each. Images are [images, channels, height, width].

import { empty, ones, zeros } from '../engine/create.ts';
import { type DepthwiseOptions, depthwiseConv2d, normaliseBatch } from '../engine/kernels.ts';
import { type BatchNormOptions, conv2d, linear, pad } from '../engine/operators.ts';
import type { DType, Tensor } from '../engine/tensor.ts';
import { pairOf } from '../pair.ts';
import { initialised, varianceScaling } from './initialise.ts';
import { Module } from './module.ts';
import { normaliseTogether, type SumOver } from './synchronised-norm.ts';

/** Device and dtype of the parameters; float32 on the CPU by default. */
export interface Placement {
  dtype?: DType;
  device?: string;
}

export interface ConvolutionSettings extends Placement {
  inputs: number;
  outputs: number;
  kernel: number | readonly [number, number];
  stride?: number | readonly [number, number];
  /** Zero padding: the same on all sides, or [top, bottom, left, right]. */
  padding?: number | readonly [number, number, number, number];
  dilation?: number | readonly [number, number];
  groups?: number;
  bias?: boolean;
}

export class Conv2d extends Module {
  readonly weight: Tensor; // [outputs, inputs / groups, height, width]
  readonly bias: Tensor | undefined; // [outputs]
  readonly #settings: ConvolutionSettings;
  readonly #symmetric: readonly [number, number] | undefined;
  readonly #depthwise: DepthwiseOptions | undefined;

  constructor(settings: ConvolutionSettings) {
    super();
    const { inputs, outputs, kernel, groups = 1, padding = 0, bias = false } = settings;
    const [height, width] = pairOf(kernel);
    const fanIn = (inputs / groups) * height * width;
    const weight = empty([outputs, inputs / groups, height, width], { ...settings, memoryFormat: 'channels_last' });
    this.weight = this.parameter('weight', initialised(weight, varianceScaling(fanIn)));
    this.bias = bias ? this.parameter('bias', zeros([outputs], settings)) : undefined;
    this.#settings = settings;
    const [top, bottom, left, right] = typeof padding === 'number' ? [padding, padding, padding, padding] : padding;
    this.#symmetric = top === bottom && left === right ? [top, left] : undefined;
    if (groups > 1 && groups === inputs && groups === outputs && !bias) {
      const { stride = 1, dilation = 1 } = settings;
      this.#depthwise = { stride: pairOf(stride), dilation: pairOf(dilation), padding: [top, bottom, left, right] };
    }
  }

  /** Convolves [n, inputs, h, w], after a ReLU if `relu` → [n, outputs, h', w']. */
  forward(input: Tensor, relu = false): Tensor {
    if (this.#depthwise) return depthwiseConv2d(input, this.weight, { ...this.#depthwise, relu });
    if (relu) return this.forward(input.relu());
    const { stride = 1, dilation = 1, groups = 1, padding } = this.#settings;
    const padded = this.#symmetric ? input : pad(input, padding as readonly number[]);
    return conv2d(padded, this.weight, { bias: this.bias, stride, dilation, groups, padding: this.#symmetric ?? 0 });
  }
}

export interface BatchNormSettings extends Placement {
  channels: number;
  /** Weight of the old value in each update of the moving statistics. */
  decay?: number;
  epsilon?: number;
  /** Whether training normalises by the moving statistics, too, and leaves them unchanged. Default false. */
  frozenNorms?: boolean;
  /** Sums over the processes that train together, with a gradient: training then uses the statistics of all images. */
  sumOver?: SumOver | undefined;
}

export class BatchNorm2d extends Module {
  readonly scale: Tensor; // [channels]
  readonly shift: Tensor; // [channels]
  readonly movingMean: Tensor; // [channels]
  readonly movingVariance: Tensor; // [channels], unbiased
  readonly #momentum: number;
  readonly #epsilon: number;
  readonly #frozen: boolean;
  readonly #sumOver: SumOver | undefined;

  constructor(settings: BatchNormSettings) {
    super();
    const { channels, decay = 0.9, epsilon = 1e-5 } = settings;
    this.scale = this.parameter('scale', ones([channels], settings));
    this.shift = this.parameter('shift', zeros([channels], settings));
    this.movingMean = this.buffer('moving_mean', zeros([channels], settings));
    this.movingVariance = this.buffer('moving_variance', ones([channels], settings));
    this.#momentum = 1 - decay;
    this.#epsilon = epsilon;
    this.#frozen = settings.frozenNorms ?? false;
    this.#sumOver = settings.sumOver;
  }

  /** [n, channels, h, w] → the same shape */
  forward(input: Tensor): Tensor {
    const options = this.options();
    return options.training && this.#sumOver
      ? normaliseTogether(input, options, this.#sumOver)
      : normaliseBatch(input, options);
  }

  /** Returns the arguments of the batch norm operator. */
  options(): BatchNormOptions {
    return {
      weight: this.scale,
      bias: this.shift,
      movingMean: this.movingMean,
      movingVariance: this.movingVariance,
      training: this.training && !this.#frozen,
      momentum: this.#momentum,
      epsilon: this.#epsilon,
    };
  }
}

export class Linear extends Module {
  readonly weight: Tensor; // [outputs, inputs]
  readonly bias: Tensor | undefined; // [outputs]

  constructor({
    inputs,
    outputs,
    bias = true,
    ...placement
  }: Placement & { inputs: number; outputs: number; bias?: boolean }) {
    super();
    this.weight = this.parameter('weight', initialised(empty([outputs, inputs], placement), varianceScaling(inputs)));
    this.bias = bias ? this.parameter('bias', zeros([outputs], placement)) : undefined;
  }

  /** [.., inputs] → [.., outputs] */
  forward(input: Tensor): Tensor {
    return linear(input, this.weight, this.bias);
  }
}

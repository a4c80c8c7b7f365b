// Builds a path of layers: each call adds one layer and updates the path's shape.
// TensorFlow's SAME padding is computed here and nowhere else.

import { pairOf } from '../pair.ts';
import type { BatchNorm, ImageNorm, Layer, Padding, Pair, Shape } from './layer.ts';

export type BatchNormSettings = Pick<BatchNorm, 'decay' | 'epsilon'>;

interface ConvolutionOptions {
  channels: number;
  kernel?: number | Pair;
  stride?: number | Pair;
  dilation?: number;
  groups?: number;
  /** Default SAME. */
  padding?: Padding;
}

/**
 * Returns TensorFlow's SAME padding, which gives ⌈size / stride⌉ results. An odd pixel of padding goes after the input,
 * so with stride 2 and an even size there is more padding at the bottom and right.
 */
export function samePadding(
  size: number,
  kernel: number,
  stride: number,
  dilation = 1,
): [before: number, after: number] {
  const window = (kernel - 1) * dilation + 1;
  const total = Math.max((Math.ceil(size / stride) - 1) * stride + window - size, 0);
  const before = Math.floor(total / 2);
  return [before, total - before];
}

const windows = (size: number, pad: number, kernel: number, stride: number, dilation = 1) =>
  Math.floor((size + pad - (kernel - 1) * dilation - 1) / stride) + 1;

export class LayerPath {
  readonly layers: Layer[] = [];
  readonly #name: string;
  readonly #norm: BatchNormSettings;
  #shape: Shape;

  /** `name` is the prefix of the layers' names: `cell_0.block_0.left`. */
  constructor(input: Shape, name: string, norm: BatchNormSettings) {
    this.#shape = input;
    this.#name = name;
    this.#norm = norm;
  }

  get shape(): Shape {
    return this.#shape;
  }

  relu(): this {
    return this.#add({ kind: 'relu', output: this.#shape });
  }

  /** No bias: a batch norm follows every convolution of the network. */
  convolution(name: string, options: ConvolutionOptions): this {
    const [height, width, inputChannels] = this.#shape;
    const [kernel, stride] = [pairOf(options.kernel ?? 1), pairOf(options.stride ?? 1)];
    const dilation = options.dilation ?? 1;
    const padding = options.padding ?? this.#same(kernel, stride, dilation);
    return this.#add({
      kind: 'convolution',
      name: `${this.#name}.${name}`,
      inputChannels,
      outputChannels: options.channels,
      groups: options.groups ?? 1,
      kernel,
      stride,
      dilation: pairOf(dilation),
      padding,
      output: [
        windows(height, padding[0] + padding[1], kernel[0], stride[0], dilation),
        windows(width, padding[2] + padding[3], kernel[1], stride[1], dilation),
        options.channels,
      ],
    });
  }

  /** One filter for each channel. */
  depthwise(name: string, options: Omit<ConvolutionOptions, 'channels' | 'groups'>): this {
    const channels = this.#shape[2];
    return this.convolution(name, { ...options, channels, groups: channels });
  }

  batchNorm(name = 'norm'): this {
    const channels = this.#shape[2];
    const { decay, epsilon } = this.#norm;
    return this.#add({
      kind: 'batch-norm',
      name: `${this.#name}.${name}`,
      channels,
      decay,
      epsilon,
      output: this.#shape,
    });
  }

  imageNorm(kind: ImageNorm['kind'], epsilon: number, name = 'norm'): this {
    const channels = this.#shape[2];
    return this.#add({ kind, name: `${this.#name}.${name}`, channels, epsilon, output: this.#shape });
  }

  pool(kind: 'max-pool' | 'average-pool', size: number, steps: number, padding?: Padding): this {
    const [height, width, channels] = this.#shape;
    const [kernel, stride] = [pairOf(size), pairOf(steps)];
    const pads = padding ?? this.#same(kernel, stride, 1);
    const output: Shape = [
      windows(height, pads[0] + pads[1], size, steps),
      windows(width, pads[2] + pads[3], size, steps),
      channels,
    ];
    return this.#add({ kind, kernel, stride, padding: pads, output });
  }

  /**
   * Halves height and width without dropping all information between strides: one path takes pixels (0,0), (2,2) …, the
   * other those of the image shifted by one (the first row and column are cut off, zeros are added at the bottom and
   * right).
   */
  factorizedReduction(channels: number): this {
    const half = Math.floor(channels / 2);
    const even = this.#branch().convolution('even', { channels: half, stride: 2, padding: [0, 0, 0, 0] });
    const odd = this.#branch().convolution('odd', { channels: channels - half, stride: 2, padding: [-1, 1, -1, 1] });
    const branches = (half > 0 ? [even, odd] : [odd]).map((path) => path.layers); // one channel cannot be split
    this.#add({ kind: 'branches', branches, output: [odd.shape[0], odd.shape[1], channels] });
    return this.batchNorm();
  }

  globalAveragePool(): this {
    return this.#add({ kind: 'global-average-pool', output: [1, 1, this.#shape[2]] });
  }

  dropout(): this {
    return this.#add({ kind: 'dropout', output: this.#shape });
  }

  /** Flattens the input; has a bias. */
  linear(name: string, outputs: number): this {
    const inputs = this.#shape[0] * this.#shape[1] * this.#shape[2];
    return this.#add({ kind: 'linear', name: `${this.#name}.${name}`, inputs, outputs, output: [1, 1, outputs] });
  }

  #branch = () => new LayerPath(this.#shape, this.#name, this.#norm);

  #same(kernel: Pair, stride: Pair, dilation: number): Padding {
    const [height, width] = this.#shape;
    const [top, bottom] = samePadding(height, kernel[0], stride[0], dilation);
    const [left, right] = samePadding(width, kernel[1], stride[1], dilation);
    return [top, bottom, left, right];
  }

  #add(layer: Layer): this {
    this.layers.push(layer);
    this.#shape = layer.output;
    return this;
  }
}

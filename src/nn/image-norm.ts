// Normalisation of each image on its own: layer norm over the image, instance norm over each of its channels. There are
// no moving statistics; training and evaluation are the same.

import { ones, zeros } from '../engine/create.ts';
import { operator } from '../engine/operator.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { Placement } from './layers.ts';
import { Module } from './module.ts';

export interface ImageNormSettings extends Placement {
  channels: number;
  /** The set that is normalised together: an image, or one channel of it. */
  over: 'image' | 'channel';
  epsilon: number;
}

export class ImageNorm2d extends Module {
  readonly scale: Tensor; // [channels]
  readonly shift: Tensor; // [channels]
  readonly #axes: readonly number[];
  readonly #groups: number;
  readonly #epsilon: number;

  constructor(settings: ImageNormSettings) {
    super();
    const { channels, over, epsilon } = settings;
    this.scale = this.parameter('scale', ones([channels], settings));
    this.shift = this.parameter('shift', zeros([channels], settings));
    this.#axes = over === 'image' ? [1, 2, 3] : [2, 3];
    this.#groups = over === 'image' ? 1 : channels;
    this.#epsilon = epsilon;
  }

  /** [n, channels, h, w] → the same shape */
  forward(input: Tensor): Tensor {
    // The input is centred first. For a channel that a max pool made constant, the operator's x · scale + shift leaves
    // a rounding error divided by √ε, which the next such norm amplifies to up to 2% of the logits.
    const images = input.to(this.scale.dtype);
    const centred = images.sub(images.mean(this.#axes, true));
    return groupNorm.tensor(centred, this.#groups, this.scale, this.shift, this.#epsilon, false).to(input.dtype);
  }
}

const groupNorm = operator('aten::group_norm');

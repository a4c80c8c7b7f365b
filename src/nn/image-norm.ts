// Normalisations that look at one image at a time: layer norm over all of it, instance norm over each of its channels. They keep
// no statistics and do the same in training and evaluation.

import { ones, zeros } from '../engine/create.ts';
import { operator } from '../engine/operator.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { Placement } from './layers.ts';
import { Module } from './module.ts';

export interface ImageNormSettings extends Placement {
  channels: number;
  /** What is normalised together: all of an image, or each channel of it. */
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
    // Centred first: where a max pool made a channel constant, the operator's x · scale + shift would leave its rounding, divided by
    // √ε, which a second such norm takes for the picture: up to 2% of the logits.
    const images = input.to(this.scale.dtype);
    const centred = images.sub(images.mean(this.#axes, true));
    return groupNorm.tensor(centred, this.#groups, this.scale, this.shift, this.#epsilon, false).to(input.dtype);
  }
}

const groupNorm = operator('aten::group_norm');

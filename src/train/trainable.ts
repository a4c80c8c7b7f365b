// What the training loop needs of a network: NASNet's fulfils it, and so may any other classifier of images.

import type { Tensor } from '../engine/tensor.ts';
import type { Output } from '../model/network.ts';
import type { Module } from '../nn/module.ts';
import type { Plan } from '../plan/plan.ts';

export interface Trainable extends Module {
  /** The device of its parameters, on which images must be. */
  readonly device: string;
  /** The input's size, the classes, and the sizes of what it computes. */
  readonly plan: Pick<Plan, 'input' | 'classes' | 'stem' | 'auxiliary' | 'endpoints'>;
  /**
   * @param images [images, channels, height, width]
   * @param options.progress the fraction of training done, 0 to 1; float64 [] if only the device knows it
   */
  forward(images: Tensor, options?: { progress?: number | Tensor }): Output;
}

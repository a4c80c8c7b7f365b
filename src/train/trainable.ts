// The interface of networks that the training loop can train: NASNet's, or any other image classifier.

import type { Tensor } from '../engine/tensor.ts';
import type { Output } from '../model/network.ts';
import type { Module } from '../nn/module.ts';
import type { Plan } from '../plan/plan.ts';

export interface Trainable extends Module {
  /** The device of its parameters, on which images must be. */
  readonly device: string;
  /** The size of the input, the number of classes, and the sizes of the features. */
  readonly plan: Pick<Plan, 'input' | 'classes' | 'stem' | 'auxiliary' | 'endpoints'> & Partial<Pick<Plan, 'sections'>>;
  /**
   * Whether a forward pass in training calls the same operators with the same numbers for all images of one size,
   * whatever the progress. Its steps can then become programs (step-programs.ts). Default false.
   */
  readonly hasConstantSteps?: boolean;
  /** Freezes all but the heads, or thaws them. Recipes with `freezeEpochs` need it. */
  freezeBody?(frozen: boolean): void;
  /**
   * @param images [images, channels, height, width]
   * @param options.progress progress of the training, 0 to 1; a float64 tensor [] in a captured step
   * @returns logits [images, classes]
   */
  forward(images: Tensor, options?: { progress?: number | Tensor }): Output;
}

// Training recipes: every hyperparameter of a training, its default and its source.

import { augmentations } from '../data/augmentations.ts';
import type { OptimizerChoice, RateDecay, ScheduleName } from './recipe-choices.ts';

export interface Recipe {
  /** Epochs. May be fractional: 0.5 uses half of the training images. */
  epochs: number;
  /** Images per step. */
  batchSize: number;
  /** Peak learning rate. */
  learningRate: number;
  /** Learning rate schedule (learning-rate.ts). */
  schedule: ScheduleName;
  /** Decay of the exponential schedule: times `factor` every `epochs` epochs. Absent: releasedDecay. */
  decay?: RateDecay;
  /** Share of the steps with linear warm-up from 0 to the peak, before the schedule starts. */
  warmup: number;
  /** Absent: momentum. */
  optimizer?: OptimizerChoice;
  /** Coefficient of momentum. */
  momentum: number;
  /** Whether to use Nesterov momentum. */
  nesterov: boolean;
  /** L2 weight decay: this times the weight is added to its gradient. */
  weightDecay: number;
  /** Maximum global norm of the gradients. */
  clipNorm: number;
  /** Weight of the auxiliary head's loss; 0 builds the network without that head. */
  auxiliaryWeight: number;
  /** ScheduledDropPath: probability of keeping a path in the last cell at the last step. */
  dropPathKeep: number;
  /** Images are enlarged by this factor before the random crop back to their size (40 / 32 in the paper). */
  enlarge: number;
  /**
   * Images are translated by up to this share of their side, with reflected borders (4 / 32 is the usual padding of
   * CIFAR-10). Default: 0.
   */
  translate?: number;
  /** Random horizontal flips. */
  flip: boolean;
  /** Side of cutout's square in pixels of the training image; 0: no cutout. */
  cutout: number;
  /** Whether validation images are scaled as in training (data/test-view.ts); else they are used as stored. */
  matchTestView: boolean;
}

/**
 * The recipe of the paper's children: 20 epochs, Nesterov momentum 0.9, cosine schedule. The paper does not state batch
 * size and learning rate (docs/paper.md).
 */
export const childRecipe: Recipe = {
  epochs: 20, // paper, appendix A.1
  batchSize: 64, // open
  learningRate: 0.05, // open
  schedule: 'cosine', // one period from the first step to the last
  warmup: 0,
  momentum: 0.9,
  nesterov: true,
  weightDecay: 5e-4, // released CIFAR configuration
  clipNorm: 5, // released CIFAR configuration
  auxiliaryWeight: 0,
  dropPathKeep: 1,
  ...augmentations.enlarge,
  flip: true,
  cutout: 0,
  matchTestView: true,
};

/**
 * For small budgets: images are translated instead of enlarged and cropped, which gains 1.3 to 2.3 points in a few
 * epochs at 8 to 32 pixels (docs/experiments/test-view.md). The rest is as in `childRecipe`.
 */
export const smallRecipe: Recipe = { ...childRecipe, ...augmentations.translate };

/** The paper's final CIFAR-10 training: 600 epochs, batches of 32, auxiliary head, ScheduledDropPath and cutout. */
export const finalRecipe: Recipe = {
  ...childRecipe,
  epochs: 600,
  batchSize: 32,
  learningRate: 0.025,
  auxiliaryWeight: 0.4,
  dropPathKeep: 0.6,
  cutout: 16,
};

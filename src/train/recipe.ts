// Training recipes: every hyperparameter of a training, its default, and where it comes from.
// The loop in training.ts reads a recipe and decides nothing itself.

import { augmentations } from '../data/augmentations.ts';
import type { OptimizerChoice, RateDecay, ScheduleName } from './recipe-choices.ts';

export interface Recipe {
  /** Passes over the training images. May be fractional: 0.5 sees half of them. */
  epochs: number;
  /** Images per step. */
  batchSize: number;
  /** Peak learning rate. */
  learningRate: number;
  /** Learning rate from the first step to the last (learning-rate.ts). */
  schedule: ScheduleName;
  /** Of the exponential schedule: the rate times `factor` after every so many epochs. Absent: releasedDecay. */
  decay?: RateDecay;
  /** Share of the steps in which the learning rate rises linearly from 0 to its peak, before the schedule starts. */
  warmup: number;
  /** What moves the weights. Absent: momentum. */
  optimizer?: OptimizerChoice;
  /** Coefficient of momentum. */
  momentum: number;
  /** Momentum after Nesterov. */
  nesterov: boolean;
  /** L2 penalty: this times the weight is added to its gradient. */
  weightDecay: number;
  /** Largest global norm of the gradients. */
  clipNorm: number;
  /** Weight of the auxiliary head's loss; 0 builds the network without that head. */
  auxiliaryWeight: number;
  /** ScheduledDropPath: probability of keeping a path in the last cell at the last step. */
  dropPathKeep: number;
  /** Images are enlarged by this factor before the random crop back to their size (40 / 32 in the paper). */
  enlarge: number;
  /** Images are moved by up to this share of their side, with reflected borders (4 / 32 is the usual padding of CIFAR-10). Default: 0. */
  translate?: number;
  /** Random horizontal flips. */
  flip: boolean;
  /** Side of the square that cutout blanks, in pixels of the training image; 0 for none. */
  cutout: number;
  /** Whether images are shown for validation as training shows them (data/test-view.ts); else as they are stored. */
  matchTestView: boolean;
}

/** The child of the paper's search: 20 epochs, Nesterov momentum 0.9, one cosine. Batch size and learning rate are open there (docs/paper.md). */
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
 * For small budgets: images are moved in place of enlarged and cropped, which brings 1.3 to 2.3 points in some epochs at 8 to 32 pixels
 * (docs/experiments/test-view.md). The rest is the paper's child.
 */
export const smallRecipe: Recipe = { ...childRecipe, ...augmentations.translate };

/** The final CIFAR-10 training of the paper: 600 epochs of batch 32 with an auxiliary head, ScheduledDropPath and cutout. */
export const finalRecipe: Recipe = {
  ...childRecipe,
  epochs: 600,
  batchSize: 32,
  learningRate: 0.025,
  auxiliaryWeight: 0.4,
  dropPathKeep: 0.6,
  cutout: 16,
};

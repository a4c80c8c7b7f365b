// Training recipes: every hyperparameter of a training, its default and its source.

import { augmentations } from '../data/augmentations.ts';
import type { Balance, OptimizerChoice, RateDecay, ScheduleName } from './recipe-choices.ts';

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
  /**
   * L2 penalty: this times the weight is added to its gradient. Biases, and the scales and shifts of norms, have none.
   */
  weightDecay: number;
  /**
   * Decoupled weight decay: it is subtracted from the weights at every step, times the learning rate, instead of being
   * added to the gradient. Default: false.
   */
  decoupledDecay?: boolean;
  /** Learning rate of biases, and of the scales and shifts of norms, as a multiple of the weights'. Default: 1. */
  biasRate?: number;
  /**
   * Label smoothing: share of the target that is divided equally among all classes (Szegedy et al., 2016). Default: 0.
   */
  labelSmoothing?: number;
  /**
   * Gradient accumulation: the number of parts in which a step's images are processed. It needs less memory; batch norm
   * uses the statistics of a part. Default: 1.
   */
  accumulate?: number;
  /**
   * The trained network has an exponential moving average of the weights and moving statistics. After this number of
   * epochs a step's weight in the average is divided by e. Absent: it has the last weights.
   */
  averageEpochs?: number;
  /** Maximum global norm of the gradients. */
  clipNorm: number;
  /** Weight of the auxiliary head's loss; 0 builds the network without that head. */
  auxiliaryWeight: number;
  /** ScheduledDropPath: probability of keeping a path in the last cell at the last step. */
  dropPathKeep: number;
  /** 'linear': all cells have the probability of the last one, as in DARTS. Default: 'scheduled', as in the paper. */
  dropPathRule?: 'scheduled' | 'linear';
  /** Images are enlarged by this factor before the random crop back to their size (40 / 32 in the paper). */
  enlarge: number;
  /**
   * Images are translated by up to this share of their side, with reflected borders (4 / 32 is the usual padding of
   * CIFAR-10). Default: 0.
   */
  translate?: number;
  /** Random horizontal flips; 'alternate': each image in every other epoch. */
  flip: boolean | 'alternate';
  /**
   * Side of the square that cutout blanks, in pixels of the training image; 0 for none. It has the mean colour, 0 after
   * whitening.
   */
  cutout: number;
  /** Whether validation images are scaled as in training (data/test-view.ts); else they are used as stored. */
  matchTestView: boolean;
  /** Whether the first convolution is initialised to whiten its patches (whitened-stem.ts). Default: false. */
  whitenStem?: boolean;
  /** Small images at the beginning (growth.ts). Absent: none. */
  growth?: readonly SmallImages[];
  /**
   * The training ends when the accuracy on the held-out images has not risen for so many epochs, with the weights of
   * the best one (best-epoch.ts). Absent: it takes all its epochs and ends with the last weights.
   */
  patience?: number;
  /** How rare classes count as much as frequent ones (class-balance.ts). Absent: every image counts the same. */
  balance?: Balance;
  /**
   * For so many epochs only the heads are trained: the weights of the body do not change, and its norms use and keep
   * their moving statistics. For networks that begin with weights of another training. Default: 0.
   */
  freezeEpochs?: number;
  /**
   * Learning rate of a cell as a multiple of that of the next deeper one; the heads have the whole rate, the stem the
   * lowest (Howard and Ruder, "Universal language model fine-tuning", 2018; there 1 / 2.6). Default: 1.
   */
  layerRateDecay?: number;
}

/** Images have `scale` times their side until the share `until` of the steps is done. */
export interface SmallImages {
  scale: number;
  until: number;
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

/** Returns the number of images that the network processes at once. */
export const imagesTogether = ({ batchSize, accumulate = 1 }: Pick<Recipe, 'batchSize' | 'accumulate'>): number =>
  Math.ceil(batchSize / accumulate);

/** Recipes by name. Flags and presets change single values of them. */
export const recipes = {
  small: smallRecipe,
  /**
   * For some minutes on a CPU. docs/experiments/fast-recipe.md has the effect of each value and what is not measured
   * yet.
   */
  fast: {
    ...childRecipe,
    epochs: 10,
    batchSize: 64,
    learningRate: 0.2, // 0.3 is better than 0.1 in the smallest network
    schedule: 'linear', // with the warm-up a triangle
    warmup: 0.2,
    enlarge: 1, // translated images lose three points in five epochs and more in ten; longer trainings may need them
    flip: 'alternate',
    averageEpochs: 0.3, // within half a point of the last weights, better or worse
    growth: [{ scale: 0.5, until: 0.4 }], // a third less time
  },
  paper: finalRecipe,
  /**
   * The training of DARTS for the networks that it compares, including NASNet-A: 97.17% at 3.1 M parameters (Liu,
   * Simonyan and Yang, 2019, table 1).
   */
  darts: {
    ...childRecipe,
    epochs: 600, // DARTS, cnn/train.py, like the other values
    batchSize: 96,
    learningRate: 0.025,
    momentum: 0.9,
    nesterov: false,
    weightDecay: 3e-4, // in DARTS also of biases and norms
    clipNorm: 5,
    auxiliaryWeight: 0.4,
    dropPathKeep: 0.8,
    ...augmentations.translate, // DARTS has a black border, nasnet a reflected one
    flip: true,
    cutout: 16,
    dropPathRule: 'linear',
  },
} as const satisfies Record<string, Recipe>;

export type RecipeName = keyof typeof recipes;
export const recipeNames = Object.keys(recipes) as RecipeName[];

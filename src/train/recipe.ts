// Training recipes: every hyperparameter of a training, its default and its source.

import { augmentationOf, augmentations } from '../data/augmentations.ts';
import {
  type Balance,
  defaultMuon,
  type OptimizerChoice,
  type RandAugment,
  type RandomParts,
  type RateDecay,
  type ScheduleName,
} from './recipe-choices.ts';

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
  /** Whether to use Nesterov momentum, as the weights that Muon turns always do. */
  nesterov: boolean;
  /**
   * L2 penalty: this times the weight is added to its gradient. Biases, the scales and shifts of norms, and the weights
   * that Muon turns have none.
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
  /**
   * Images are translated only in trainings of at least so many epochs: a shorter one does not learn its images by
   * heart. Default: 0.
   */
  translateFrom?: number;
  /** In shorter trainings of at least so many epochs they are translated by half as much. Default: never. */
  halfTranslateFrom?: number;
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
  /** Dropout before the classifier: probability of keeping a feature. Default: 1. */
  dropoutKeep?: number;
  /** Decay of the norms' moving statistics at a step. Default: the layout's (plan/layouts.ts). */
  normDecay?: number;
  /** The moving average of the weights by its decay at a step, in place of `averageEpochs`. */
  averageDecay?: number;
  /**
   * Streamed pictures are shown as random parts (streams/random-crop.ts), in place of `enlarge` and `translate`.
   * Absent: as their central squares, like prepared images.
   */
  randomParts?: RandomParts;
  /** Mixup of streamed pictures: the parameter α of its Beta distribution (Zhang et al., 2018). Default: 0, none. */
  mixup?: number;
  /** CutMix of streamed pictures: its α (Yun et al., 2019). With mixup each batch has one of both. Default: 0, none. */
  cutmix?: number;
  /** RandAugment of streamed pictures in random parts (Cubuk et al., 2019). Absent: none. */
  randAugment?: RandAugment;
  /** Random erasing of streamed pictures in random parts: its probability (Zhong et al., 2017). Default: 0. */
  erasing?: number;
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

/** The values that the trainings for ImageNet share. */
const imagenetRecipe: Recipe = {
  ...childRecipe,
  labelSmoothing: 0.1,
  ...augmentations.translate, // of prepared images; streamed ones are shown in random parts
  randomParts: { area: [0.1, 1], aspect: [3 / 4, 4 / 3], colour: true }, // released preprocessing, its fast mode
};

/** Returns the number of images that the network processes at once. */
export const imagesTogether = ({ batchSize, accumulate = 1 }: Pick<Recipe, 'batchSize' | 'accumulate'>): number =>
  Math.ceil(batchSize / accumulate);

/** Returns the number of images that one of so many replicas processes at once. */
export const replicaImages = (
  { batchSize, accumulate = 1 }: Pick<Recipe, 'batchSize' | 'accumulate'>,
  count: number,
): number => imagesTogether({ batchSize: Math.ceil(batchSize / count), accumulate: Math.ceil(accumulate / count) });

/** Epochs of the longest training of a given time: those of the paper. */
export const mostEpochs = 600;

/** Returns the number of steps of an epoch: its whole batches, of few images one. data/batches.ts makes as many. */
export const stepsPerEpoch = (images: number, batchSize: number): number => Math.max(1, Math.floor(images / batchSize));

/** Returns the number of steps of a training. */
export const stepsOf = ({ epochs }: Pick<Recipe, 'epochs'>, stepsPerEpoch: number): number =>
  Math.max(1, Math.round(epochs * stepsPerEpoch));

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
    learningRate: 0.2, // 0.3 is better than 0.1 in the smallest network, by momentum
    schedule: 'linear', // with the warm-up a triangle
    warmup: 0.2,
    optimizer: defaultMuon, // two to five points more in three epochs, two in ten
    ...augmentations.translate,
    halfTranslateFrom: 10, // of ten epochs 0.1 points more held-out images, 0.5 more test images
    translateFrom: 20, // three to four points less in four or five epochs, about half a point more in twenty
    flip: 'alternate',
    averageEpochs: 0.3, // as good as the last weights: −0.76 to 0.68 points in 18 trainings; by Muon 0.13 fewer in 3
    growth: [{ scale: 0.5, until: 0.4 }], // a third less time; at equal epochs 0.2 points less by Muon
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
  /**
   * The paper's training on ImageNet with the numbers of the released configuration. Batch, rate and epochs are those
   * of MindSpore's model zoo, which reached 74.39% with the mobile network so (and a cutout of 56 pixels; 73.5%
   * without, after 500 epochs).
   */
  'imagenet-paper': {
    ...imagenetRecipe,
    epochs: 600, // MindSpore; open in the paper
    batchSize: 256, // MindSpore: 8 × 32; open in the paper
    learningRate: 0.32, // MindSpore: 0.04 × 8; open in the paper
    schedule: 'exponential', // × 0.97 every 2.4 epochs
    optimizer: { name: 'rmsprop', decay: 0.9, epsilon: 1 },
    momentum: 0.9,
    nesterov: false,
    weightDecay: 4e-5, // of the large network 5e-5
    clipNorm: 10,
    auxiliaryWeight: 0.4,
    dropPathKeep: 1, // of the large network 0.7
    dropoutKeep: 0.5,
    averageDecay: 0.9999,
  },
  /** MindCV's training of the mobile network from scratch to 74.12% (configs/nasnet/nasnet_a_4x1056_ascend.yaml). */
  'imagenet-mobile': {
    ...imagenetRecipe,
    epochs: 450,
    batchSize: 2048, // 8 × 256
    accumulate: 8,
    learningRate: 0.016,
    schedule: 'cosine',
    warmup: 5 / 450,
    optimizer: { name: 'rmsprop', decay: 0.9, epsilon: 1e-3 },
    momentum: 0.9,
    nesterov: false,
    weightDecay: 1e-5,
    clipNorm: 10, // MindCV: none
    dropoutKeep: 0.5,
    normDecay: 0.9,
    randomParts: { area: [0.08, 1], aspect: [3 / 4, 4 / 3], colour: false },
  },
  /**
   * For a tenth of the epochs: rate and decay of DARTS's and P-DARTS's trainings on ImageNet, growing pictures as in
   * FFCV's for ResNet. Not measured on ImageNet.
   */
  'imagenet-fast': {
    ...imagenetRecipe,
    epochs: 40, // FFCV: 16 to 88
    batchSize: 256,
    learningRate: 0.2, // DARTS: 0.1 for 128; P-DARTS: 0.5 for 1,024
    schedule: 'linear', // P-DARTS, FFCV
    warmup: 0.05,
    momentum: 0.9,
    nesterov: true,
    weightDecay: 3e-5, // DARTS
    clipNorm: 5, // DARTS
    normDecay: 0.99,
    averageEpochs: 0.5,
    growth: [
      { scale: 5 / 7, until: 0.75 }, // 160 of 224 pixels, as FFCV
      { scale: 6 / 7, until: 0.86 },
    ],
  },
  /** For weights of another training on photographs (--from). Not measured at full size. */
  'fine-tune': {
    ...imagenetRecipe,
    epochs: 20,
    batchSize: 32,
    learningRate: 0.05, // docs/final-training.md, at 32 pixels
    schedule: 'cosine',
    warmup: 0.1,
    momentum: 0.9,
    nesterov: true,
    weightDecay: 4e-5,
    normDecay: 0.99,
    averageEpochs: 0.5,
    freezeEpochs: 2, // docs/final-training.md
    layerRateDecay: 0.8, // docs/final-training.md
    randomParts: { area: [0.25, 1], aspect: [3 / 4, 4 / 3], colour: true },
  },
} as const satisfies Record<string, Recipe>;

/** The values of `imagenet-paper` for the large network (released configuration). */
export const largeImagenet = { weightDecay: 5e-5, dropPathKeep: 0.7 } as const satisfies Partial<Recipe>;

/** Recipes whose rate is that of their batch: another batch has a rate in proportion (Goyal et al., 2017). */
export const scaledRates: readonly string[] = ['imagenet-paper', 'imagenet-mobile', 'imagenet-fast', 'fine-tune'];

/** Recipes from scratch for ImageNet, whose batch is smaller where there are few images (fitting-batch.ts). */
export const fittingBatches: readonly string[] = ['imagenet-paper', 'imagenet-mobile', 'imagenet-fast'];

export type RecipeName = keyof typeof recipes;
export const recipeNames = Object.keys(recipes) as RecipeName[];

/** The recipes that are made for prepared images, which a search trains on. */
export const preparedRecipes = recipeNames.filter((name) => !('randomParts' in recipes[name]));

const side = 32; // pixels; of CIFAR-10's images, to which the cutout of the named recipes refers

/** Returns a named recipe for images of a side in pixels, of which cutout blanks the same share as of CIFAR-10's. */
export const recipeFor = (name: RecipeName, pixels: number): Recipe => ({
  ...recipes[name],
  cutout: Math.round((recipes[name].cutout * pixels) / side),
});

/** Returns the recipe of a training whose end was moved: images were augmented as for its planned epochs. */
export function endedAfter(recipe: Recipe, epochs: number | undefined): Recipe {
  if (epochs === undefined) return recipe;
  const { translateFrom, halfTranslateFrom, ...planned } = augmentationOf(recipe);
  return { ...planned, epochs: Number(epochs.toFixed(2)) };
}

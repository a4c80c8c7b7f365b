// Recipes of a detector's training: every hyperparameter, its default and its source.

import { type OptimizerChoice, optimizerNames } from '../train/recipe-choices.ts';

export interface DetectionRecipe {
  epochs: number;
  /** Pictures of a step. */
  batchSize: number;
  /** Parts of a step's pictures that are processed one after another, to need less memory. Default: 1. */
  accumulate?: number;
  /** At its peak. */
  learningRate: number;
  /** Share of the steps in which the rate rises from 0. */
  warmup: number;
  /** Shares of the steps after which the rate is a tenth of what it was. */
  drops: readonly number[];
  optimizer: OptimizerChoice;
  momentum: number;
  /** This times the weight is added to its gradient. */
  weightDecay: number;
  /** Maximum global norm of the gradients. */
  clipNorm: number;
  /** Whether half of the pictures are flipped, at random. */
  flip: boolean;
  /** Least and greatest factor of a picture's size. */
  jitter: readonly [number, number];
  /** ScheduledDropPath: probability of keeping a path in the last cell at the last step. */
  dropPathKeep: number;
}

export const detectionRecipes = {
  /** faster_rcnn_nas_coco.config: 1.5 million steps of one picture, of COCO 13 epochs. */
  paper: {
    epochs: 13,
    batchSize: 1,
    learningRate: 3e-4,
    warmup: 0,
    drops: [0.6, 0.8], // 900,000 and 1,200,000
    optimizer: { name: 'momentum' },
    momentum: 0.9,
    weightDecay: 0,
    clipNorm: 10,
    flip: true,
    jitter: [1, 1],
    dropPathKeep: 0.7,
  },
  /** A rate of 0.02 for 16 pictures and 1e-4 of weight decay as torchvision's reference; with large-scale jitter. */
  fast: {
    epochs: 26,
    batchSize: 4,
    learningRate: 0.005,
    warmup: 0.05,
    drops: [0.6, 0.85],
    optimizer: { name: 'momentum' },
    momentum: 0.9,
    weightDecay: 1e-4,
    clipNorm: 10,
    flip: true,
    jitter: [0.5, 1.5],
    dropPathKeep: 1,
  },
} as const satisfies Record<string, DetectionRecipe>;

export type DetectionRecipeName = keyof typeof detectionRecipes;
/** Muon is for weights that a norm in training follows, at a rate that no detector was trained with. */
export const detectionOptimizers = optimizerNames.filter((name) => name !== 'muon');

export const detectionRecipeNames = Object.keys(detectionRecipes) as DetectionRecipeName[];

/** Returns the learning rate at a step of `steps`. */
export function detectionRateAt({ learningRate, warmup, drops }: DetectionRecipe, step: number, steps: number): number {
  const rising = Math.round(warmup * steps);
  if (step < rising) return (learningRate * (step + 1)) / rising;
  const fallen = drops.filter((share) => step >= share * steps).length;
  return learningRate * 0.1 ** fallen;
}

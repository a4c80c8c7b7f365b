// The learning rate of every step of a recipe.

import { constant, cosine, exponential, linear, type Schedule } from '../nn/schedules.ts';
import type { Recipe } from './recipe.ts';
import { releasedDecay, type ScheduleName } from './recipe-choices.ts';

/** Schedules by name, from the peak rate, the steps of the schedule and the steps of an epoch. */
const schedules = {
  cosine: ({ learningRate }, { steps }) => cosine(learningRate, steps),
  constant: ({ learningRate }) => constant(learningRate),
  linear: ({ learningRate }, { steps }) => linear(learningRate, steps),
  exponential: ({ learningRate, decay = releasedDecay }, { stepsPerEpoch }) =>
    exponential(learningRate, decay.factor, Math.max(1, Math.round(decay.epochs * stepsPerEpoch))),
} as const satisfies Record<
  ScheduleName,
  (recipe: Pick<Recipe, 'learningRate' | 'decay'>, length: { steps: number; stepsPerEpoch: number }) => Schedule
>;

/** Returns the learning rate at a step in [0, steps): linear warm-up, then the recipe's schedule to the last step. */
export function learningRateAt(recipe: Recipe, step: number, steps: number): number {
  const rising = Math.round(recipe.warmup * steps);
  if (step < rising) return (recipe.learningRate * (step + 1)) / rising;
  const schedule = schedules[recipe.schedule](recipe, { steps: steps - rising, stepsPerEpoch: steps / recipe.epochs });
  return schedule(step - rising);
}

/**
 * Returns the share of a step's new weights in the moving average; 0 if the recipe has no average. At the beginning it
 * is 9 / (step + 10), as in TensorFlow's moving averages, so that the average covers a ninth of the steps so far.
 */
export function averageShareAt(recipe: Recipe, step: number, stepsPerEpoch: number): number {
  if (!hasAverage(recipe)) return 0;
  const { averageEpochs, averageDecay } = recipe;
  const share = averageDecay === undefined ? 1 / (averageEpochs! * stepsPerEpoch) : 1 - averageDecay;
  return Math.min(1, Math.max(share, 9 / (step + 10)));
}

/** Whether a recipe's result is a moving average of the weights. */
export const hasAverage = ({ averageEpochs, averageDecay }: Pick<Recipe, 'averageEpochs' | 'averageDecay'>): boolean =>
  averageEpochs !== undefined || averageDecay !== undefined;

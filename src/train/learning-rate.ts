// The learning rate of every step of a recipe, from nn's schedules.

import { constant, cosine, exponential, linear, type Schedule } from '../nn/schedules.ts';
import type { Recipe } from './recipe.ts';
import { releasedDecay, type ScheduleName } from './recipe-choices.ts';

/** What a recipe's schedule may be: of its peak, the steps that the schedule has, and the steps of an epoch. */
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

/** Learning rate at a step in [0, steps): a linear rise over the recipe's warm-up, then its schedule to the last step. */
export function learningRateAt(recipe: Recipe, step: number, steps: number): number {
  const rising = Math.round(recipe.warmup * steps);
  if (step < rising) return (recipe.learningRate * (step + 1)) / rising;
  const schedule = schedules[recipe.schedule](recipe, { steps: steps - rising, stepsPerEpoch: steps / recipe.epochs });
  return schedule(step - rising);
}

/**
 * The share of a step's new weights in the average that a recipe keeps; 0 where it keeps none. In the beginning 9 / (step + 10), as
 * TensorFlow's moving averages have it: the average looks back over a ninth of the steps so far.
 */
export function averageShareAt({ averageEpochs }: Recipe, step: number, stepsPerEpoch: number): number {
  if (averageEpochs === undefined) return 0;
  return Math.min(1, Math.max(1 / (averageEpochs * stepsPerEpoch), 9 / (step + 10)));
}

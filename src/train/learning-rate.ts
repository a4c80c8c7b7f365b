// The learning rate of every step of a recipe, from nn's schedules.

import { constant, cosine } from '../nn/schedules.ts';
import type { Recipe } from './recipe.ts';

/** Learning rate at a step in [0, steps): a linear rise over the recipe's warm-up, then its schedule to the last step. */
export function learningRateAt(recipe: Recipe, step: number, steps: number): number {
  const rising = Math.round(recipe.warmup * steps);
  if (step < rising) return (recipe.learningRate * (step + 1)) / rising;
  const schedule =
    recipe.schedule === 'cosine' ? cosine(recipe.learningRate, steps - rising) : constant(recipe.learningRate);
  return schedule(step - rising);
}

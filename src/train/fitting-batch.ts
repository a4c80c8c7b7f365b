// The batch of a recipe for ImageNet where there are few images: with batches of 2,048 an epoch of some hundred would
// be one step, at the rate of a batch that is not there.

import { type Recipe, stepsOf } from './recipe.ts';

/** Norms need so many images. */
const smallest = 16;
const leastSteps = 1000;

/**
 * Returns the largest batch of the recipe's, its half, its quarter … with which a training on so many images has 1,000
 * steps; at least 16.
 */
export function fittingBatch({ batchSize, epochs }: Pick<Recipe, 'batchSize' | 'epochs'>, images: number): number {
  let batch = batchSize;
  const hasSteps = () => batch <= images && stepsOf({ epochs }, Math.floor(images / batch)) >= leastSteps;
  while (batch > smallest && !hasSteps()) batch = Math.max(smallest, Math.floor(batch / 2));
  return batch;
}

// Images that are small in the beginning of a training and have their full size in the end: the first steps cost less (Howard's
// fast.ai entry to DAWNBench, 2018; Tan and Le, "EfficientNetV2", 2021). Which size a step has, and which sizes a network can take.

import { InputError } from '../failure.ts';
import type { Plan } from '../plan/plan.ts';
import type { SmallImages } from './recipe.ts';

/** The side of the images at a share of the training; undefined: their full size. */
export function sideAt(growth: readonly SmallImages[] | undefined, progress: number): number | undefined {
  return growth?.find(({ until }) => progress < until)?.side;
}

/**
 * A network's weights, padding included, are the same at another size only where every layer halves an even side or leaves it.
 * @throws InputError for a side at which one does not, and for an auxiliary head, whose weights depend on the size
 */
export function checkGrowth({ input, endpoints, auxiliary }: Plan, growth: readonly SmallImages[] = []): void {
  if (growth.length > 0 && auxiliary)
    throw new InputError('growth: expected a network without an auxiliary head, whose weights depend on the size');
  const images = endpoints.filter(({ name }) => name !== 'global_pool');
  for (const { side } of growth) {
    const fits = images.every(({ shape }) => {
      const ratio = input[0] / shape[0];
      return Number.isInteger(ratio) && side % ratio === 0;
    });
    if (fits && side <= input[0]) continue;
    const ratio = input[0] / Math.min(...images.map(({ shape }) => shape[0]));
    throw new InputError(
      `growth: expected sides of at most ${input[0]} pixels that every reduction halves (multiples of ${Math.ceil(ratio)}), got ${side}`,
    );
  }
}

// Images that are small in the beginning of a training and have their full size in the end: the first steps cost less (Howard's
// fast.ai entry to DAWNBench, 2018; Tan and Le, "EfficientNetV2", 2021). Which size a step has, and which sizes a network can take.

import { InputError } from '../failure.ts';
import type { Plan } from '../plan/plan.ts';
import type { SmallImages } from './recipe.ts';

/** The side of the images in pixels at a share of the training; undefined: their full size. */
export type Sides = (progress: number) => number | undefined;

/**
 * The sides of a network's images while they grow: each brought to the nearest one that all reductions halve.
 * @throws InputError for a network that cannot take smaller images
 */
export function sidesOf(plan: Plan, growth: readonly SmallImages[] = []): Sides {
  if (growth.length === 0) return () => undefined;
  const problem = whyNotGrow(plan);
  if (problem) throw new InputError(`growth: expected a network that can take smaller images, got one ${problem}`);
  const [full] = plan.input;
  const unit = full / smallest(plan);
  const sides = growth.map(({ scale, until }) => {
    return { side: Math.min(full, unit * Math.max(1, Math.round((scale * full) / unit))), until };
  });
  return (progress) => {
    const side = sides.find(({ until }) => progress < until)?.side;
    return side === full ? undefined : side;
  };
}

/** A network's weights, padding included, are the same at another size where every layer halves an even side or leaves it. */
export function whyNotGrow({ input, auxiliary, endpoints }: Plan): string | undefined {
  if (auxiliary) return 'with an auxiliary head, whose weights depend on the size';
  if (input[0] !== input[1]) return `for ${input[0]} × ${input[1]} pixels`;
  const odd = endpoints.some(({ name, shape }) => name !== pooled && !Number.isInteger(Math.log2(input[0] / shape[0])));
  return odd ? `for ${input[0]} pixels, which not every reduction halves` : undefined;
}

const pooled = 'global_pool';

/** The least side of what the network computes. */
function smallest({ endpoints }: Plan): number {
  return Math.min(...endpoints.filter(({ name }) => name !== pooled).map(({ shape }) => shape[0]));
}

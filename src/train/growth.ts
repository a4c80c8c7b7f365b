// Progressive resizing: images are small at the beginning of a training, where they make steps faster, and have their
// full size at the end (Howard's fast.ai entry to DAWNBench, 2018; Tan and Le, "EfficientNetV2", 2021). Computes the
// size of each step and checks that a network can process it.

import { InputError } from '../failure.ts';
import type { Plan } from '../plan/plan.ts';
import { sum } from '../statistics/order.ts';
import type { SmallImages } from './recipe.ts';

/** The sizes of a network's input and features. */
type SizedPlan = Pick<Plan, 'input' | 'auxiliary' | 'endpoints'>;

/** Minimum side in pixels. Smaller images have not been tried (docs/experiments/fast-recipe.md). */
const leastSide = 8;

/** A part of a training, from `from` to `until` of its steps, and the side of its images in pixels. */
export interface Phase {
  from: number;
  until: number;
  side: number;
}

/**
 * Returns the phases of a training. The side of each is the nearest one of at least 8 pixels that the network can take.
 * @throws InputError for a network that cannot process smaller images
 */
export function phasesOf(plan: SizedPlan, growth: readonly SmallImages[] = []): Phase[] {
  const [full] = plan.input;
  const problem = growth.length > 0 && whyNotGrow(plan);
  if (problem) throw new InputError(`growth: expected a network that can process smaller images, got one ${problem}`);
  const sides = sidesLike(plan);
  const sideOf = (scale: number) => nearest(sides, scale * full);
  const phases: Phase[] = [];
  for (const { scale, until } of [...growth, { scale: 1, until: 1 }]) {
    const from = phases.at(-1)?.until ?? 0;
    if (until > from) phases.push({ from, until, side: sideOf(scale) });
  }
  return phases;
}

/**
 * Returns a function from the progress of a training, 0 to 1, to the side of its images in pixels; undefined: their
 * full size.
 */
export function sidesOf(plan: SizedPlan, growth?: readonly SmallImages[]): (progress: number) => number | undefined {
  const small = phasesOf(plan, growth).filter(({ side }) => side < plan.input[0]);
  return (progress) => small.find(({ from, until }) => progress >= from && progress < until)?.side;
}

/** Returns the progress of a training, 0 to 1, from which images have their full size. */
export const fullSizeFrom = (plan: SizedPlan, growth?: readonly SmallImages[]): number =>
  phasesOf(plan, growth).at(-1)!.from;

/**
 * Returns the share of its time that a training has taken at this progress, 0 to 1, roughly: a step of half the side
 * takes a quarter of the time with large images, and 0.45 of it with 16 pixels (N = 1, F = 16, two cores).
 */
export function timeShare(plan: SizedPlan, growth: readonly SmallImages[] | undefined, progress: number): number {
  const [full] = plan.input;
  const phases = phasesOf(plan, growth);
  const cost = (side: number) => (side / full + (side / full) ** 2) / 2;
  const secondsUntil = (end: number) =>
    sum(phases.map(({ from, until, side }) => Math.max(0, Math.min(until, end) - from) * cost(side)));
  return secondsUntil(progress) / secondsUntil(1);
}

/** Returns why a network cannot process smaller images; undefined if it can. */
export function whyNotGrow({ input, auxiliary }: SizedPlan): string | undefined {
  if (auxiliary) return 'with an auxiliary head, whose weights depend on the size';
  return input[0] === input[1] ? undefined : `for ${input[0]} × ${input[1]} pixels`;
}

/**
 * Returns the sides, largest first, at which a network has the same layers, padding included. The padding of a layer
 * with stride 2 depends on whether its input is odd, so after r reductions a side must equal the full one modulo 2 ^ r:
 * 18 pixels (9, 5) go with 14 (7, 4) and 10 (5, 3), 16 pixels (8, 4) with 12 and 8.
 */
function sidesLike(plan: SizedPlan): number[] {
  const [full] = plan.input;
  const unit = 2 ** Math.ceil(Math.log2(full / smallest(plan)));
  const count = Math.max(0, Math.floor((full - leastSide) / unit));
  return Array.from({ length: count + 1 }, (_, place) => full - place * unit);
}

/** Returns the side nearest to the wanted one; of two equally near ones the larger. */
const nearest = (sides: readonly number[], wanted: number): number =>
  sides.reduce((best, side) => (Math.abs(side - wanted) < Math.abs(best - wanted) ? side : best));

const pooled = 'global_pool';

/** Returns the smallest side of the network's features. */
function smallest({ endpoints }: SizedPlan): number {
  return Math.min(...endpoints.filter(({ name }) => name !== pooled).map(({ shape }) => shape[0]));
}

// Images that are small in the beginning of a training and have their full size in the end: the first steps cost less (Howard's
// fast.ai entry to DAWNBench, 2018; Tan and Le, "EfficientNetV2", 2021). Which size a step has, and which sizes a network can take.

import { InputError } from '../failure.ts';
import type { Plan } from '../plan/plan.ts';
import type { SmallImages } from './recipe.ts';

/** In pixels: what smaller images are worth is not known (docs/experiments/fast-recipe.md). */
const leastSide = 8;

/** A part of a training, from `from` to `until` of its steps, and the side of its images in pixels. */
export interface Phase {
  from: number;
  until: number;
  side: number;
}

/**
 * The phases of a training while its images grow; each side is the nearest one, of at least 8 pixels, that the network can take.
 * @throws InputError for a network that cannot take smaller images
 */
export function phasesOf(plan: Plan, growth: readonly SmallImages[] = []): Phase[] {
  const [full] = plan.input;
  const problem = growth.length > 0 && whyNotGrow(plan);
  if (problem) throw new InputError(`growth: expected a network that can take smaller images, got one ${problem}`);
  const sides = sidesLike(plan);
  const sideOf = (scale: number) => nearest(sides, scale * full);
  const phases: Phase[] = [];
  for (const { scale, until } of [...growth, { scale: 1, until: 1 }]) {
    const from = phases.at(-1)?.until ?? 0;
    if (until > from) phases.push({ from, until, side: sideOf(scale) });
  }
  return phases;
}

/** The side of the images in pixels at a share of the training; undefined: their full size. */
export function sidesOf(plan: Plan, growth?: readonly SmallImages[]): (progress: number) => number | undefined {
  const small = phasesOf(plan, growth).filter(({ side }) => side < plan.input[0]);
  return (progress) => small.find(({ from, until }) => progress >= from && progress < until)?.side;
}

/** Why a network cannot take smaller images; undefined if it can. */
export function whyNotGrow({ input, auxiliary }: Plan): string | undefined {
  if (auxiliary) return 'with an auxiliary head, whose weights depend on the size';
  return input[0] === input[1] ? undefined : `for ${input[0]} × ${input[1]} pixels`;
}

/**
 * The sides, largest first, at which a network has the same layers, padding included. The padding of a layer with stride 2 depends on
 * whether its input is odd, so after r reductions a side must equal the full one modulo 2 ^ r: 18 pixels (9, 5) go with 14 (7, 4) and
 * 10 (5, 3), 16 pixels (8, 4) with 12 and 8.
 */
function sidesLike(plan: Plan): number[] {
  const [full] = plan.input;
  const unit = 2 ** Math.ceil(Math.log2(full / smallest(plan)));
  const count = Math.max(0, Math.floor((full - leastSide) / unit));
  return Array.from({ length: count + 1 }, (_, place) => full - place * unit);
}

/** Of two equally near ones the larger. */
const nearest = (sides: readonly number[], wanted: number): number =>
  sides.reduce((best, side) => (Math.abs(side - wanted) < Math.abs(best - wanted) ? side : best));

const pooled = 'global_pool';

/** The least side of what the network computes. */
function smallest({ endpoints }: Plan): number {
  return Math.min(...endpoints.filter(({ name }) => name !== pooled).map(({ shape }) => shape[0]));
}

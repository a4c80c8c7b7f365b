// Images that are small in the beginning of a training and have their full size in the end: the first steps cost less (Howard's
// fast.ai entry to DAWNBench, 2018; Tan and Le, "EfficientNetV2", 2021). Which size a step has, and which sizes a network can take.

import { InputError } from '../failure.ts';
import type { Plan } from '../plan/plan.ts';
import type { SmallImages } from './recipe.ts';

/** The sizes of what a network computes. */
type SizedPlan = Pick<Plan, 'input' | 'auxiliary' | 'endpoints'>;

/** In pixels: what smaller images are worth is not known (docs/experiments/fast-recipe.md). */
const leastSide = 8;

/** A part of a training, from `from` to `until` of its steps, and the side of its images in pixels. */
export interface Phase {
  from: number;
  until: number;
  side: number;
}

/**
 * The phases of a training while its images grow; each side is the nearest one, of at least 8 pixels, that all reductions halve.
 * @throws InputError for a network that cannot take smaller images
 */
export function phasesOf(plan: SizedPlan, growth: readonly SmallImages[] = []): Phase[] {
  const [full] = plan.input;
  const problem = growth.length > 0 && whyNotGrow(plan);
  if (problem) throw new InputError(`growth: expected a network that can take smaller images, got one ${problem}`);
  const unit = full / smallest(plan);
  const sideOf = (scale: number) => {
    const units = Math.max(Math.ceil(leastSide / unit), Math.round((scale * full) / unit));
    return growth.length === 0 ? full : Math.min(full, unit * units);
  };
  const phases: Phase[] = [];
  for (const { scale, until } of [...growth, { scale: 1, until: 1 }]) {
    const from = phases.at(-1)?.until ?? 0;
    if (until > from) phases.push({ from, until, side: sideOf(scale) });
  }
  return phases;
}

/** The side of the images in pixels at a share of the training; undefined: their full size. */
export function sidesOf(plan: SizedPlan, growth?: readonly SmallImages[]): (progress: number) => number | undefined {
  const small = phasesOf(plan, growth).filter(({ side }) => side < plan.input[0]);
  return (progress) => small.find(({ from, until }) => progress >= from && progress < until)?.side;
}

/** A network's weights, padding included, are the same at another size where every layer halves an even side or leaves it. */
export function whyNotGrow({ input, auxiliary, endpoints }: SizedPlan): string | undefined {
  if (auxiliary) return 'with an auxiliary head, whose weights depend on the size';
  if (input[0] !== input[1]) return `for ${input[0]} × ${input[1]} pixels`;
  const odd = endpoints.some(({ name, shape }) => name !== pooled && !Number.isInteger(Math.log2(input[0] / shape[0])));
  return odd ? `for ${input[0]} pixels, which not every reduction halves` : undefined;
}

const pooled = 'global_pool';

/** The least side of what the network computes. */
function smallest({ endpoints }: SizedPlan): number {
  return Math.min(...endpoints.filter(({ name }) => name !== pooled).map(({ shape }) => shape[0]));
}

// Plans the final network of a cell for the time that is left: its size by the prediction, its epochs by a measurement
// of its steps.

import type { Computing } from '../engine/device.ts';
import type { Candidate } from '../study/candidate.ts';
import { finalSizes } from '../study/final-training.ts';
import type { Training } from '../study/settings.ts';
import { imagesTogether } from '../train/recipe.ts';
import { type FinalCosts, finalWithin, type PlannedFinal } from './budget.ts';
import { epochSeconds, finalCosts } from './budget-costs.ts';
import type { CostOptions } from './estimate.ts';
import type { ImageCounts } from './prediction.ts';
import { fitsMemory } from './training-memory.ts';

/**
 * Measures the steps of a cell's training with all threads. Returns the measured seconds divided by the predicted ones;
 * undefined if they cannot be measured.
 * @param epochSeconds predicted seconds of the steps of an epoch
 */
export type MeasureFinal = (
  candidate: Candidate,
  training: Training,
  epochSeconds: number,
) => Promise<number | undefined>;

/** The machine that trains the final network. */
export interface FinalMachine {
  /** Default: the prediction is used as it is. */
  measure?: MeasureFinal | undefined;
  /** Whether the machine has the memory for this network. Default: yes. */
  fits?: ((candidate: Candidate, training: Training) => boolean) | undefined;
}

/** Whether a final network is predicted to fit the free memory of its device. */
export function fitsHere(
  candidate: Candidate,
  training: Training,
  { counts, computing }: { counts: ImageCounts; computing: Computing },
): boolean {
  const plan = candidate.trainedPlan(training, counts.classes);
  return fitsMemory({ plan, batch: imagesTogether(training.recipe), images: counts.images, computing });
}

/** The time of the final network. */
export interface FinalTime {
  /** Seconds of the whole search. */
  budget: number;
  /** Returns the seconds that are left; the measurement itself takes some. */
  left(): number;
}

/** Returns the size and epochs of the cell's final network. Only the smallest size may exceed the memory. */
export async function planFinal(
  candidate: Candidate,
  costs: CostOptions,
  { budget, left }: FinalTime,
  { measure, fits = () => true }: FinalMachine = {},
): Promise<PlannedFinal> {
  const sizes = finalSizes(costs.settings);
  const tooLarge = sizes.findIndex((training, size) => size > 0 && !fits(candidate, training));
  const within = (sizes: readonly FinalCosts[]) => finalWithin(left(), budget, sizes);
  const predicted = finalCosts([candidate], costs).slice(0, tooLarge < 0 ? undefined : tooLarge);
  const training = sizes[within(predicted).size]!;
  const ratio = (await measure?.(candidate, training, epochSeconds(training, [candidate], costs))) ?? 1;
  return within(predicted.map(({ epoch, once, ...rest }) => ({ ...rest, epoch: ratio * epoch, once: ratio * once })));
}

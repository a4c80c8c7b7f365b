// Plans the final network of a cell for the time that is left: its size and its epochs by a measurement of its steps,
// since the time of a step does not follow the number of filters evenly: with Quick at 32 pixels F = 16 takes an eighth
// longer than F = 12 on a processor with AVX-512.

import type { Computing } from '../engine/device.ts';
import { finalSizes } from '../study/final-training.ts';
import type { Training } from '../study/settings.ts';
import type { CellPlans } from '../study/training-plan.ts';
import { imagesTogether } from '../train/recipe.ts';
import { type FinalCosts, finalWithin, type PlannedFinal } from './budget.ts';
import { epochSeconds, type FinalCostOptions, finalCosts } from './budget-costs.ts';
import type { ImageCounts } from './prediction.ts';
import { fitsMemory, requireMemory, type TrainingInMemory } from './training-memory.ts';

/**
 * Measures the steps of a cell's training with all threads. Returns the measured seconds divided by the predicted ones;
 * undefined if they cannot be measured.
 * @param epochSeconds predicted seconds of the steps of an epoch
 * @param most seconds that the measurement may take by this prediction
 */
export type MeasureFinal = (
  candidate: CellPlans,
  training: Training,
  epochSeconds: number,
  most: number,
) => Promise<number | undefined>;

/** The machine that trains the final network. */
export interface FinalMachine {
  /** Default: the prediction is used as it is. */
  measure?: MeasureFinal | undefined;
  /** Whether the machine has the memory for this network. Default: yes. */
  fits?: ((candidate: CellPlans, training: Training) => boolean) | undefined;
}

interface Here {
  counts: ImageCounts;
  computing: Computing;
}

const inMemory = (candidate: CellPlans, training: Training, { counts, computing }: Here): TrainingInMemory => ({
  plan: candidate.trainedPlan(training, counts.classes),
  batch: imagesTogether(training.recipe),
  images: counts.images,
  computing,
});

/** Whether a final network is predicted to fit the free memory of its device. */
export const fitsHere = (candidate: CellPlans, training: Training, here: Here): boolean =>
  fitsMemory(inMemory(candidate, training, here));

/** Refuses a final network that is not. @throws InputError */
export const requireHere = (candidate: CellPlans, training: Training, here: Here): void =>
  requireMemory(inMemory(candidate, training, here));

/** The time of the final network. */
export interface FinalTime {
  /** Seconds of the whole search. */
  budget: number;
  /** Returns the seconds that are left; the measurement itself takes some. */
  left(): number;
}

export interface MeasuredFinal extends PlannedFinal {
  /** The measured costs of its size; the predicted ones if nothing was measured. */
  cost: FinalCosts;
}

/**
 * Shares of the budget: no size is measured after `most` of it, and none whose steps are predicted to take more than
 * `each` of the time that is left.
 */
export const measuring = { most: 0.1, each: 0.1 };

/** The next larger size is measured, too, if it would be chosen at this share of its predicted time. */
const hope = 0.65;

/** Returns the size and epochs of the cell's final network. Only the smallest size may exceed the memory. */
export async function planFinal(
  candidate: CellPlans,
  costs: FinalCostOptions,
  { budget, left }: FinalTime,
  { measure, fits = () => true }: FinalMachine = {},
): Promise<MeasuredFinal> {
  const sizes = finalSizes(costs.settings);
  const tooLarge = sizes.findIndex((training, size) => size > 0 && !fits(candidate, training));
  const within = (sizes: readonly FinalCosts[]) => finalWithin(left(), budget, sizes);
  const predicted = finalCosts([candidate], costs).slice(0, tooLarge < 0 ? undefined : tooLarge);
  /** Measured seconds divided by the predicted ones, by size. */
  const ratios: (number | undefined)[] = predicted.map(() => undefined);
  const before = left();
  for (;;) {
    const seconds = predicted.map((cost, size) => times(nearest(ratios, size) ?? 1, cost));
    const plan = within(seconds);
    const larger = within(seconds.map((cost, size) => (size === plan.size + 1 ? times(hope, cost) : cost)));
    const next = [plan.size, larger.size].find((size) => ratios[size] === undefined);
    const isLate = before - left() > measuring.most * budget && ratios.some((ratio) => ratio !== undefined);
    if (!measure || next === undefined || isLate) return { ...plan, cost: seconds[plan.size]! };
    const training = sizes[next]!;
    const most = measuring.each * left();
    const ratio = await measure(candidate, training, epochSeconds(training, [candidate], costs), most);
    ratios[next] = ratio ?? nearest(ratios, next) ?? 1;
  }
}

const times = (ratio: number, { epoch, once, fewestEpochs }: FinalCosts): FinalCosts => ({
  ...{ epoch: ratio * epoch, once: ratio * once, fewestEpochs },
});

/** Returns the ratio of a size, else of the next smaller one that has one, else of the next larger one. */
const nearest = (ratios: readonly (number | undefined)[], size: number): number | undefined =>
  ratios.slice(0, size + 1).findLast((ratio) => ratio !== undefined) ??
  ratios.slice(size).find((ratio) => ratio !== undefined);

// Whether a budget is as well spent on the training of one cell alone as on a search, by what equal budgets gave.

import { Candidate } from '../study/candidate.ts';
import { finalSizes } from '../study/final-training.ts';
import { decisionsOf } from '../study/named-decisions.ts';
import type { SearchSettings } from '../study/settings.ts';
import { inUnits } from '../words.ts';
import { finalCosts } from './budget-costs.ts';
import type { CostOptions } from './estimate.ts';

/** Test accuracies of equal budgets, one of each seed. */
interface Accuracies {
  search: readonly number[];
  /** The cell that the search chose, trained for the whole budget. */
  alone: readonly number[];
  /** A residual network of 8 layers, which the command line does not train. */
  resnet: readonly number[];
}

/**
 * The longest budget in which the search was not better than the cell that it chose alone, on CIFAR-10: its minutes on
 * two threads with AVX-512, test accuracies, and the training for which it was long enough, so that it can be told in
 * the seconds of another machine. Made by bench/budget.ts (docs/experiments/budget.md); longer budgets are not measured
 * yet.
 */
export const measuredBudget = {
  cell: 'quick',
  minutes: 8,
  training: { cells: 1, filters: 16, resolution: 32, epochs: 11.2 },
  accuracies: { search: [0.8908, 0.8943, 0.8886], alone: [0.8949, 0.8934, 0.8957], resnet: [0.8937, 0.8924, 0.8976] },
} as const;

export interface TrainingInstead {
  /** The longest budget, in seconds of this machine, for which this is known. */
  until: number;
  /** Name of the cell. */
  cell: string;
  /** The budget of the search in minutes, all of which its training would have. */
  minutes: number;
  /** The measured budget: its minutes, and the test accuracies that it gave. */
  measured: { minutes: number; accuracies: Accuracies };
}

/**
 * Returns the training of a cell for the whole budget if a search of it is known not to be better; else undefined.
 * @param options.races whether the budget has time for a race: without one the search trains the first known cell, if
 *   it prefers known ones
 */
export function trainingInstead(
  settings: SearchSettings,
  { races, ...options }: CostOptions & { races: boolean },
): TrainingInstead | undefined {
  const { budget, dataset, space, blocks, limits, known, finalists, recipes } = settings;
  const { cell, training, ...measured } = measuredBudget;
  const decisions = decisionsOf(cell, space, blocks);
  if (!budget || !decisions || limits || recipes?.final || dataset !== 'cifar10') return undefined;
  const size = finalSizes(settings).findIndex(
    ({ cells, filters, resolution }) =>
      cells === training.cells && filters === training.filters && resolution === training.resolution,
  );
  if (size === -1) return undefined;
  const costs = finalCosts([new Candidate(decisions, space)], options);
  const asLong = costs[size]!.once + training.epochs * costs[size]!.epoch;
  const trainsIt = !races && finalists?.prefersKnown && `${known[0]}` === `${decisions}`;
  const until = trainsIt ? Math.max(asLong, budget.seconds) : asLong;
  if (budget.seconds > until) return undefined;
  return { until, cell, minutes: inUnits(budget.seconds, 60), measured };
}

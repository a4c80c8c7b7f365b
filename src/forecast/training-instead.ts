// Whether a budget is as well spent on the training of one cell alone as on a search, by what equal budgets gave, or
// since the search itself would train that cell with less time.

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
  training: { cells: 1, filters: 16, resolution: 32, epochs: 5.65 },
  accuracies: { search: [0.8937, 0.8931], alone: [0.8948, 0.8931], resnet: [0.8895] },
} as const;

/** A training that takes the whole budget of a search, and why it is suggested. */
export type TrainingInstead = {
  /** Name of the cell. */
  cell: string;
  /** The budget of the search in minutes, all of which its training would have. */
  minutes: number;
} & (Measured | WithoutRace);

/** The budget is not longer than one in which the search was measured not to be better. */
interface Measured {
  reason: 'measured';
  /** The longest such budget, in seconds of this machine. */
  until: number;
  /** The measured budget: its minutes, and the test accuracies that it gave. */
  measured: { minutes: number; accuracies: Accuracies };
}

/** The budget is longer, but no race is planned: the search trains this cell, with less time. */
interface WithoutRace {
  reason: 'no-race';
}

/**
 * Returns the training of a cell for the whole budget if a search is known not to be better; else undefined.
 * @param options.races whether a race is planned: without one the search trains the first known cell, if it prefers
 *   known ones
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
  const until = costs[size]!.once + training.epochs * costs[size]!.epoch;
  const trainsIt = !races && finalists?.prefersKnown && `${known[0]}` === `${decisions}`;
  const minutes = inUnits(budget.seconds, 60);
  if (budget.seconds <= until) return { reason: 'measured', cell, minutes, until, measured };
  return trainsIt ? { reason: 'no-race', cell, minutes } : undefined;
}

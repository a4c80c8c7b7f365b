// Whether a budget is as well spent on the training of the first named cell alone as on a search, by what equal budgets
// gave.

import { Candidate } from '../study/candidate.ts';
import { finalSizes, plannedTraining } from '../study/final-training.ts';
import { namedDecisions, nameOfCell } from '../study/named-decisions.ts';
import type { SearchSettings, Training } from '../study/settings.ts';
import { finalWithin } from './budget.ts';
import { finalCosts } from './budget-costs.ts';
import type { CostOptions } from './estimate.ts';

/** A mean over three seeds, with half of its 95% interval. */
interface Accuracy {
  mean: number;
  half: number;
}

/** Test accuracies of equal budgets. */
interface Accuracies {
  search: Accuracy;
  /** The cell that the search chose, trained for the whole budget. */
  alone: Accuracy;
  /** A residual network of 8 layers, which the command line does not train. */
  resnet: Accuracy;
}

/**
 * The longest budget in which the search was not better than the cell that it chose alone, on CIFAR-10: test accuracies,
 * and the training for which it was long enough, so that it can be told in the seconds of another machine. Made by
 * bench/budget.ts (docs/experiments/budget.md); longer budgets are not measured yet.
 */
export const measuredBudget = {
  training: { cells: 1, filters: 16, resolution: 16, epochs: 15.65 },
  accuracies: {
    search: { mean: 0.8201, half: 0.0042 },
    alone: { mean: 0.8222, half: 0.0074 },
    resnet: { mean: 0.8317, half: 0.006 },
  },
} as const;

export interface TrainingInstead {
  /** The longest budget, in seconds of this machine, for which this is known. */
  until: number;
  /** Name of the cell. */
  cell: string;
  /** Its training for the whole budget of the search. */
  training: Training;
  /** Test accuracies of the measured budget. */
  accuracies: Accuracies;
  /** Side of the images of the networks that were measured. */
  pixels: number;
}

/** Returns the training of a cell for the whole budget if a search of it is known not to be better; else undefined. */
export function trainingInstead(settings: SearchSettings, options: CostOptions): TrainingInstead | undefined {
  const { budget, dataset, space, blocks, limits } = settings;
  const [decisions] = namedDecisions(space, blocks);
  const cell = decisions && nameOfCell(decisions, space, blocks);
  if (!budget || !cell || limits || dataset !== 'cifar10') return undefined;
  const { training, accuracies } = measuredBudget;
  const size = finalSizes(settings).findIndex(
    ({ cells, filters, resolution }) =>
      cells === training.cells && filters === training.filters && resolution === training.resolution,
  );
  if (size === -1) return undefined;
  const costs = finalCosts([new Candidate(decisions, space)], options);
  const until = costs[size]!.once + training.epochs * costs[size]!.epoch;
  if (budget.seconds > until) return undefined;
  const planned = plannedTraining(settings, finalWithin(budget.seconds, budget.seconds, costs));
  return { until, cell, training: planned, accuracies, pixels: training.resolution };
}

// Whether a budget is as well spent on the training of one cell alone as on a search, by what equal budgets gave, or
// since the search itself would train that cell with less time.

import { Candidate } from '../study/candidate.ts';
import { finalSizes } from '../study/final-training.ts';
import { decisionsOf } from '../study/named-decisions.ts';
import type { SearchSettings, Training } from '../study/settings.ts';
import { inUnits } from '../words.ts';
import { finalCosts } from './budget-costs.ts';
import type { CostOptions } from './estimate.ts';

/** Test accuracies of equal budgets, one of each seed. */
interface Accuracies {
  search: readonly number[];
  /** The cell that the search chose, trained for the whole budget. */
  alone: readonly number[];
  /** A residual network, which the command line does not train. */
  resnet: readonly number[];
}

type Size = Pick<Training, 'cells' | 'filters' | 'resolution'>;

/** A budget in which the search was not better than the cell that it chose alone, on CIFAR-10. */
export interface MeasuredBudget {
  /** On two threads with AVX-512. */
  minutes: number;
  /**
   * The training of the cell for which the budget was long enough, so that it can be told in the seconds of another
   * machine.
   */
  training: Size & { epochs: number };
  /** Layers of the residual network. */
  layers: number;
  accuracies: Accuracies;
}

/**
 * The cell that a search with such a budget chose, and the budgets, the shortest first. Made by bench/budget.ts
 * (docs/experiments/budget.md); longer ones are not measured yet.
 */
export const measured: { cell: 'quick'; budgets: readonly MeasuredBudget[] } = {
  cell: 'quick',
  budgets: [
    {
      minutes: 8,
      training: { cells: 1, filters: 16, resolution: 32, epochs: 5.65 },
      layers: 8,
      accuracies: { search: [0.8937, 0.8931], alone: [0.8948, 0.8931, 0.8925], resnet: [0.8895, 0.8908, 0.8935] },
    },
    {
      minutes: 60,
      training: { cells: 1, filters: 32, resolution: 32, epochs: 15.85 },
      layers: 14,
      accuracies: { search: [0.937], alone: [0.9405, 0.9387], resnet: [0.9353, 0.9332] },
    },
  ],
};

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
  /** The shortest measured budget that is not shorter than the search's. */
  measured: MeasuredBudget;
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
  const { cell } = measured;
  const decisions = decisionsOf(cell, space, blocks);
  if (!budget || !decisions || limits || recipes?.final || dataset !== 'cifar10') return undefined;
  const [sizes, costs] = [finalSizes(settings), finalCosts([new Candidate(decisions, space)], options)];
  const here = measured.budgets.flatMap((budget) => {
    const cost = costs[sizes.findIndex(isSizeOf(budget.training))];
    return cost ? { budget, seconds: cost.once + budget.training.epochs * cost.epoch } : [];
  });
  const longest = here.at(-1);
  if (!longest) return undefined;
  const trainsIt = !races && finalists?.prefersKnown && `${known[0]}` === `${decisions}`;
  const minutes = inUnits(budget.seconds, 60);
  const least = here.find(({ seconds }) => budget.seconds <= seconds);
  if (least) return { reason: 'measured', cell, minutes, until: longest.seconds, measured: least.budget };
  return trainsIt ? { reason: 'no-race', cell, minutes } : undefined;
}

export const isSizeOf = (a: Size) => (b: Size) =>
  a.cells === b.cells && a.filters === b.filters && a.resolution === b.resolution;

// Whether a budget is as well spent on the training of NASNet-A alone as on a search, by what equal budgets gave.

import { Candidate } from '../study/candidate.ts';
import { plannedTraining } from '../study/final-training.ts';
import { namedDecisions } from '../study/named-decisions.ts';
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
  nasnetA: Accuracy;
  /** A residual network of 8 layers and 32 filters at 16 pixels, which the command line does not train. */
  resnet: Accuracy;
}

/**
 * The longest budget in which the search was not better than NASNet-A alone, on CIFAR-10: test accuracies, and the
 * training for which it was long enough, so that it can be told in the seconds of another machine. Made by
 * bench/budget.ts (docs/experiments/budget.md); longer budgets are not measured yet.
 */
export const measuredBudget = {
  training: { cells: 1, filters: 16, resolution: 16, epochs: 15.65 },
  accuracies: {
    search: { mean: 0.8201, half: 0.0042 },
    nasnetA: { mean: 0.8222, half: 0.0074 },
    resnet: { mean: 0.8317, half: 0.006 },
  },
} as const;

export interface TrainingInstead {
  /** The longest budget, in seconds of this machine, for which this is known. */
  until: number;
  /** NASNet-A's training for the whole budget of the search. */
  training: Training;
  /** Test accuracies of the measured budget. */
  accuracies: Accuracies;
  /** Side of the images of the networks that were measured. */
  pixels: number;
}

/** Returns NASNet-A's training for the whole budget if a search of it is known not to be better; else undefined. */
export function trainingInstead(settings: SearchSettings, options: CostOptions): TrainingInstead | undefined {
  const { budget, dataset, space, blocks, limits } = settings;
  const [nasnetA] = namedDecisions(space, blocks);
  if (!budget || !nasnetA || limits || dataset !== 'cifar10') return undefined;
  const costs = finalCosts([new Candidate(nasnetA, space)], options);
  const { training, accuracies } = measuredBudget;
  const { cells, filters, resolution } = settings.final;
  if (cells !== training.cells || filters !== training.filters || resolution !== training.resolution) return undefined;
  const until = costs[0]!.once + training.epochs * costs[0]!.epoch;
  if (budget.seconds > until) return undefined;
  const planned = plannedTraining(settings, finalWithin(budget.seconds, budget.seconds, costs));
  return { until, training: planned, accuracies, pixels: training.resolution };
}

// What the parts of a search with a budget cost, as the laws predict it: what the rule in budget.ts plans with.

import { mean } from '../statistics/order.ts';
import type { Candidate } from '../study/candidate.ts';
import { finalSizes, plannedTraining } from '../study/final-training.ts';
import type { SearchSettings, Training } from '../study/settings.ts';
import { type BudgetCosts, type BudgetPlan, budgetRule, type FinalCosts } from './budget.ts';
import { lawValue, trainingTerms } from './cost-law.ts';
import { type CostOptions, estimateSearch, onAllThreads } from './estimate.ts';
import { TrainingTerms } from './prediction.ts';
import { randomCells } from './random-cells.ts';

/** Of such cells as the search begins with. */
export function budgetCosts(options: CostOptions): BudgetCosts {
  const { settings, workers, accepts } = options;
  const trials = 1000; // of which a share climbs
  const { children, ladder } = estimateSearch({ ...options, trials });
  const cells = randomCells(settings, accepts);
  return {
    child: children.each.mean + ((ladder?.seconds ?? 0) * workers) / trials,
    ...raceCosts(cells, options),
    finals: finalCosts(cells, options),
  };
}

/** Of a race of such cells; without `race` in a search without finalists. */
export function raceCosts(cells: readonly Candidate[], options: CostOptions): Pick<BudgetCosts, 'race' | 'workers'> {
  const { workers, settings } = options;
  const { finalists } = settings;
  if (!finalists) return { workers };
  const { count: most, seeds, training } = finalists;
  return { workers, race: { run: meanSeconds(training, cells, options), runs: seeds.most, most } };
}

/** Mean seconds on one worker. */
function meanSeconds(training: Training, cells: readonly Candidate[], options: CostOptions): number {
  const { settings, counts, laws } = options;
  const terms = new TrainingTerms(settings, training, counts);
  return mean(cells.map((candidate) => terms.cost(candidate, laws).seconds));
}

/** Seconds of an epoch's end that are in no law: report, record, display. Of 600 epochs of 135 images on a busy machine. */
const betweenEpochs = 0.1;

/** Of the final network at each of its sizes. */
export function finalCosts(cells: readonly Candidate[], options: CostOptions): FinalCosts[] {
  return finalSizes(options.settings).map((training, size) => {
    const seconds = (epochs: number) =>
      meanSeconds({ ...training, recipe: { ...training.recipe, epochs } }, cells, options);
    const epoch = seconds(2) - seconds(1); // seconds(1) also has a look at the held-out images
    const look = seconds(1) - epoch;
    return {
      epoch: onAllThreads(epoch + look, options) + betweenEpochs,
      once: onAllThreads(testSeconds(training, cells, options), options),
      fewestEpochs: size === 0 ? budgetRule.epochs.fewest : training.recipe.epochs,
    };
  });
}

/** Of the steps of an epoch with all threads, as those at the end of a training are: images have their full side. */
export function epochSeconds(training: Training, cells: readonly Candidate[], options: CostOptions): number {
  const { growth: _, ...steady } = training.recipe;
  const seconds = (epochs: number) => meanSeconds({ ...training, recipe: { ...steady, epochs } }, cells, options);
  return onAllThreads(seconds(2) - seconds(1), options);
}

function testSeconds(training: Training, cells: readonly Candidate[], { counts, laws }: CostOptions): number {
  const { test = 0, classes } = counts;
  const amount = { steps: 0, batch: 1, evaluated: test };
  const each = (cell: Candidate) => lawValue(laws.seconds, trainingTerms(cell.usedPlan(training, classes), amount));
  return mean(cells.map(each));
}

/** The settings with what a plan makes of them, for whoever states or estimates them. The study keeps its own. */
export function plannedSettings(
  settings: SearchSettings,
  { children: trials, finalists: count, final }: BudgetPlan,
): SearchSettings {
  const { finalists, ...others } = settings;
  return {
    ...others,
    trials,
    ...(finalists && count > 0 && { finalists: { ...finalists, count } }),
    final: plannedTraining(settings, final),
  };
}

// Predicts the seconds of the parts of a search with a budget. The rule in budget.ts plans with them.

import { armCount } from '../search/arms-strategy.ts';
import { mean } from '../statistics/order.ts';
import type { Candidate } from '../study/candidate.ts';
import { finalSizes, plannedTraining } from '../study/final-training.ts';
import type { SearchSettings, Training } from '../study/settings.ts';
import type { CellPlans } from '../study/training-plan.ts';
import { type BudgetCosts, type BudgetPlan, budgetRule, type FinalCosts } from './budget.ts';
import { lawValue, trainingTerms } from './cost-law.ts';
import { finalistTraining, termsIn } from './equal-cost.ts';
import { type CostOptions, estimateChildren, onAllThreads } from './estimate.ts';
import { costOf, TrainingTerms } from './prediction.ts';
import { finalCells, randomCells } from './random-cells.ts';

/** The final networks of a search, or of one training. */
export type FinalSettings = Pick<SearchSettings, 'final' | 'budget' | 'limits' | 'validationImages'>;

/** Options by which final networks are predicted. */
export interface FinalCostOptions extends Pick<CostOptions, 'counts' | 'laws' | 'workers' | 'threads'> {
  settings: FinalSettings;
}

/** Returns the predicted costs of a search: of children and race as the mean of random cells. */
export function budgetCosts(options: CostOptions): BudgetCosts {
  const cells = randomCells(options.settings, options.accepts);
  const finals = finalCosts(finalCells(options.settings, cells, options.accepts), options);
  return { child: childSeconds(cells, options), ...raceCosts(cells, options), finals };
}

/** Returns the predicted seconds of a child of these cells, including its share of higher rungs. */
export function childSeconds(cells: readonly Candidate[], options: CostOptions): number {
  const trials = 1000; // enough for the share that is promoted
  const { children, ladder } = estimateChildren(cells, { ...options, trials });
  return children.each.mean + ((ladder?.seconds ?? 0) * options.workers) / trials;
}

/** Returns the predicted costs of a race of these cells; without `race` if the search has no finalists. */
export function raceCosts(cells: readonly Candidate[], options: CostOptions): Pick<BudgetCosts, 'race' | 'workers'> {
  const { workers, settings, counts, laws } = options;
  const { finalists } = settings;
  if (!finalists) return { workers };
  const { count: most, seeds } = finalists;
  const termsOf = termsIn(finalistTraining(settings, counts), settings, counts);
  const seconds = cells.map((cell) => costOf(termsOf(cell), laws).seconds);
  return { workers, race: { run: mean(seconds), runs: seeds.most, most, arms: armCount(settings.strategy) } };
}

/** Returns the mean seconds of a training of these cells on one worker. */
function meanSeconds(training: Training, cells: readonly CellPlans[], options: FinalCostOptions): number {
  const { settings, counts, laws } = options;
  const terms = new TrainingTerms(settings, training, counts);
  return mean(cells.map((candidate) => terms.cost(candidate, laws).seconds));
}

/**
 * Seconds between two epochs (report, record, display), which no law includes; measured with 600 epochs of 135 images
 * on a busy machine.
 */
const betweenEpochs = 0.1;

/** Returns the predicted costs of the final network of these cells at each of its sizes, smallest first. */
export function finalCosts(cells: readonly CellPlans[], options: FinalCostOptions): FinalCosts[] {
  return finalSizes(options.settings).map((training, size) => {
    const one = secondsOf(1, training, cells, options); // with the validation
    const epoch = secondsOf(2, training, cells, options) - one;
    const validation = one - epoch;
    return {
      epoch: onAllThreads(epoch + validation, options) + betweenEpochs,
      once: onAllThreads(testSeconds(training, cells, options), options),
      fewestEpochs: size === 0 ? budgetRule.epochs.fewest : training.recipe.epochs,
    };
  });
}

/** Returns the seconds of the steps of one epoch with all threads, on average over all sizes of the images. */
export function epochSeconds(training: Training, cells: readonly CellPlans[], options: FinalCostOptions): number {
  const seconds = (epochs: number) => secondsOf(epochs, training, cells, options);
  return onAllThreads(seconds(2) - seconds(1), options);
}

/** Returns the mean seconds of a training of so many epochs on one worker. */
const secondsOf = (
  epochs: number,
  training: Training,
  cells: readonly CellPlans[],
  options: FinalCostOptions,
): number => meanSeconds({ ...training, recipe: { ...training.recipe, epochs } }, cells, options);

function testSeconds(training: Training, cells: readonly CellPlans[], { counts, laws }: FinalCostOptions): number {
  const { test = 0, classes } = counts;
  const amount = { steps: 0, batch: 1, evaluated: test };
  const each = (cell: CellPlans) => lawValue(laws.seconds, trainingTerms(cell.usedPlan(training, classes), amount));
  return mean(cells.map(each));
}

/**
 * Returns the settings with the numbers of a plan, for estimates and messages. The stored settings of a study do not
 * change.
 */
export function plannedSettings(
  settings: SearchSettings,
  { children: trials, finalists: count, final }: BudgetPlan,
): SearchSettings {
  const { finalists, ...others } = settings;
  return {
    ...others,
    trials,
    ...(finalists && { finalists: { ...finalists, count } }),
    final: plannedTraining(settings, final),
  };
}

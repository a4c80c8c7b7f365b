// Prepares a new search: settings fitted to the images, the laws of its limits, and the initial prediction.

import { type Computing, cpu } from '../engine/device.ts';
import { Candidate } from '../study/candidate.ts';
import { fitted, heldOut, largerChild, withEpochs } from '../study/presets.ts';
import type { Laws } from '../study/results.ts';
import type { SearchSettings, Training } from '../study/settings.ts';
import {
  type BudgetPlan,
  budgetRule,
  childLength,
  childrenDecide,
  childrenShare,
  hasTimeForLarger,
  planBudget,
  raceLength,
} from './budget.ts';
import { budgetCosts, childSeconds, raceCosts } from './budget-costs.ts';
import { limitCheck } from './limits.ts';
import { newPlan } from './planned-search.ts';
import type { ImageCounts } from './prediction.ts';
import { randomCells } from './random-cells.ts';
import { costOptions, type Searching, type Start, startOf } from './start.ts';
import { type RequestedLimits, statedLimits } from './stated-limits.ts';
import { type TrainingInstead, trainingInstead } from './training-instead.ts';

export interface NewSearch {
  settings: SearchSettings;
  counts: ImageCounts;
  start: Start;
  /** The plan of a search with a budget. */
  plan?: BudgetPlan;
  /** A training that this search is known not to be better than. */
  instead?: TrainingInstead;
}

export interface NewSearchOptions {
  counts: ImageCounts;
  workers: number;
  /** Device and precision of the children. */
  computing: Computing;
  limits?: RequestedLimits | undefined;
  /** Whether the user named the known cells. Default cells that exceed the limits are omitted. */
  knownAsked: boolean;
  /** Whether to measure this machine also for a short search. */
  always: boolean;
}

/**
 * Prepares a new search.
 * @param stated settings of the preset and the user
 * @param note called before this machine is measured, which takes some seconds
 * @throws InputError for limits that every cell exceeds, and for a budget that is too short on this machine
 */
export async function newSearchOf(
  stated: SearchSettings,
  { counts, workers, computing, limits, knownAsked, always }: NewSearchOptions,
  note: (line: string) => void,
): Promise<NewSearch> {
  const settings = fitted(stated, counts);
  const { askedEpochs: asked } = settings;
  const searching = { settings, counts, trials: settings.trials, workers, computing };
  const start = await startOf(searching, always || limits?.memory !== undefined, note);
  const limited = limits ? { ...settings, limits: await statedLimits(limits, settings, counts, start.laws) } : settings;
  const known = knownAsked ? limited : withinLimits(limited, counts);
  const planned = (decide: boolean) => {
    const on = (settings: SearchSettings) => ({ ...searching, settings });
    const compared = withCostSize(on(withChildrenShare(known, decide)), start);
    const own = asked?.child === undefined && !known.ladder;
    const long = own ? withChildren(on(compared), start.laws, decide) : compared;
    const settings = asked?.finalists === undefined ? withRace(on(long), start.laws) : long;
    return { settings, plan: newPlan(on(settings), start) };
  };
  const deciding = planned(true);
  const decide = !deciding.plan || childrenDecide(deciding.settings, deciding.plan);
  const { settings: allowed, plan } = decide ? deciding : planned(false);
  const instead =
    computing.device === cpu
      ? trainingInstead(allowed, {
          ...costOptions(searching, start.laws),
          races: plan !== undefined && plan.finalists > 0,
        })
      : undefined;
  return {
    settings: { ...withPlannedRace(allowed, plan, start), trials: plan?.children ?? allowed.trials },
    counts,
    start,
    ...(plan && { plan }),
    ...(instead && { instead }),
  };
}

/** Returns the settings without known cells that exceed the limits, since known cells are trained without a check. */
function withinLimits(settings: SearchSettings, counts: ImageCounts): SearchSettings {
  const { limits, known, space } = settings;
  const check = limits && limitCheck(limits, settings, counts);
  return check ? { ...settings, known: known.filter((cell) => !check(new Candidate(cell, space))) } : settings;
}

/** Returns the settings with the share of the budget for children, which decide which cell is chosen or do not. */
function withChildrenShare(settings: SearchSettings, decide: boolean): SearchSettings {
  const { budget } = settings;
  return budget
    ? { ...settings, budget: { ...budget, childrenShare: childrenShare(budget.seconds, decide) } }
    : settings;
}

/**
 * Returns the settings with whether a race is planned, which the best cells do not change. On a GPU the plan may be
 * far off: it is by the law of the processor until children have finished.
 */
function withPlannedRace(settings: SearchSettings, plan: BudgetPlan | undefined, { measured }: Start): SearchSettings {
  const { budget } = settings;
  return budget && plan && measured ? { ...settings, budget: { ...budget, races: plan.finalists > 0 } } : settings;
}

/** Returns the settings with the size of the final network that the budget is predicted to allow, for equal costs. */
function withCostSize(searching: Searching, { laws, seconds = 0 }: Start): SearchSettings {
  const { settings } = searching;
  const { budget, costLaw } = settings;
  if (!budget || !costLaw) return settings;
  const { size } = planBudget(budget, budgetCosts(costOptions(searching, laws)), { seconds, children: 0 }).final;
  return { ...settings, costSize: size };
}

/**
 * Returns the settings with children that are trained as long as the budget allows on this machine: larger ones if they
 * decide which cell is chosen, there is time for enough of them, and the limits admit the same cells; on more images,
 * then for more epochs.
 */
function withChildren(searching: Searching, laws: Laws, decide: boolean): SearchSettings {
  const { settings, counts } = searching;
  const { budget } = settings;
  if (!budget) return settings;
  const costsOf = (child: Training) => {
    const options = costOptions({ ...searching, settings: { ...settings, child } }, laws);
    return { child: childSeconds(randomCells(settings, options.accepts), options), workers: options.workers };
  };
  const larger = decide ? largerChild(settings) : undefined;
  const isPossible =
    larger && admitsAsMany(searching, laws, larger) && hasTimeForLarger(budget, costsOf(withPossibleEpochs(larger)));
  const child = withPossibleEpochs(isPossible ? larger : settings.child);
  const length = childLength(budget, costsOf(child));
  const available = counts.images - heldOut(settings, counts.images);
  const { trainingImages: stated = available, recipe } = child;
  const trainingImages = Math.min(available, Math.round(stated * length));
  const epochs = possible((recipe.epochs * length * stated) / trainingImages);
  return { ...settings, child: withEpochs({ ...child, trainingImages }, epochs) };
}

/** Whether the known cells, and random ones within the limits, are also within them with another child. */
function admitsAsMany(searching: Searching, laws: Laws, child: Training): boolean {
  const { settings } = searching;
  const { accepts = () => true } = costOptions({ ...searching, settings: { ...settings, child } }, laws);
  const known = settings.known.map((cell) => new Candidate(cell, settings.space));
  return [...known, ...randomCells(settings, costOptions(searching, laws).accepts)].every(accepts);
}

/** Returns a number of epochs for a child or a finalist, with two digits: not more than the final network can have. */
const possible = (epochs: number): number => Number(Math.min(budgetRule.epochs.most, epochs).toFixed(2));

/** Returns the training with a possible number of epochs. */
const withPossibleEpochs = (training: Training): Training => withEpochs(training, possible(training.recipe.epochs));

/** Returns the settings with finalists that are trained as long as the budget allows on this machine. */
function withRace(searching: Searching, laws: Laws): SearchSettings {
  const { settings } = searching;
  const { budget, finalists } = settings;
  if (!budget || !finalists) return settings;
  const training = withPossibleEpochs(finalists.training);
  const capped = { ...settings, finalists: { ...finalists, training } };
  const options = costOptions({ ...searching, settings: capped }, laws);
  const length = raceLength(budget, raceCosts(randomCells(settings, options.accepts), options));
  const epochs = possible(training.recipe.epochs * length);
  return { ...settings, finalists: { ...finalists, training: withEpochs(training, epochs) } };
}

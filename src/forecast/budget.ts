// The rule by which a search divides its time: the numbers of children and finalists, and the size and epochs of the
// final network. It only calculates with predicted seconds; budget-costs.ts predicts them, and
// experiment/budget-course.ts follows the clock.

import type { Budget, SearchSettings } from '../study/settings.ts';
import { mostEpochs } from '../train/recipe.ts';

/** The numbers of the rule, with their reasons. Seconds are wall-clock time. */
export const budgetRule = {
  /**
   * Share of the budget for children: `least` up to `from` seconds, `perDoubling` more for every doubling, at most
   * `most`. Only `least` if they decide nothing: a budget without a race trains a known cell whatever its children say,
   * and two epochs more after ten are worth almost a point (docs/experiments/budget.md). The benefit of further epochs
   * decreases.
   */
  children: { least: 0.08, from: 480, perDoubling: 0.07, most: 0.4 },
  /** Children of the stated length up to this number; longer ones beyond it. Larger ones from this number on. */
  shortChildren: 30,
  /** Share for the race of finalists, which has time for the fewest from about seventy minutes of two fast cores on. */
  race: 0.12,
  /** Minimum number of trials, however long they take: the known cell and some for comparison. */
  fewestChildren: 4,
  /**
   * Minimum number of finalists of a race, if as many are asked for. By default two known cells are among four or
   * three, and one is among two, so that fewer than four have only one found cell. That is not worth the time of a
   * race: of the best children of an hour none came near the first known cell (docs/experiments/fidelity.md). Studies
   * of older versions, without a `childrenShare`, have two.
   */
  fewestFinalists: 4,
  fewestBefore: 2,
  /**
   * The fewest finalists also race if they need up to this multiple of its time: `plan` where the race is planned, by
   * random cells; `keep` where it was, since the best cells cost up to a tenth more and children were planned for it.
   */
  raceOverrun: { plan: 1.5, keep: 2 },
  /** Epochs of the final network: a multiple of `step`, at least `fewest`, at most the 600 of the paper. */
  epochs: { fewest: 0.5, step: 0.05, most: mostEpochs },
  /** Share that is reserved for the report, and for the case that the machine becomes slower. */
  reserve: 0.03,
  /** Share that is reserved for the report alone, where the end of the final training is moved. */
  report: 0.01,
  /** Seconds until worker processes have loaded libtorch, for each of children, race and final network. */
  start: 2,
} as const;

/** Predicted seconds of the parts of a search. */
export interface BudgetCosts {
  /** Number of children trained at once. */
  workers: number;
  /** One child on its worker, including its share of the higher rungs of a ladder. */
  child: number;
  /** Absent in a search without finalists. */
  race?: RaceCosts;
  /** The final network at each of its sizes, smallest first. */
  finals: FinalCosts[];
}

export interface RaceCosts {
  /** One run of a finalist on its worker. */
  run: number;
  /** Maximum number of runs of a finalist. */
  runs: number;
  /** Maximum number of finalists of each arm. */
  most: number;
  /** Number of arms of the strategy, each of which has its finalists. */
  arms: number;
}

export interface FinalCosts {
  /** One epoch with all threads, including the validation after it. */
  epoch: number;
  /** The test, once after the training. */
  once: number;
  /** Minimum number of epochs for which this size is chosen; for the smallest size the minimum of all. */
  fewestEpochs: number;
}

/** The time of a search. */
export type BudgetTime = Pick<Budget, 'seconds' | 'childrenShare' | 'races'>;

/** The progress of a search. */
export interface Spent {
  seconds: number;
  /** Number of trials with an outcome. */
  children: number;
}

export interface PlannedFinal {
  /** Index of the size; 0 is the smallest. */
  size: number;
  epochs: number;
}

export interface BudgetPlan {
  children: number;
  finalists: number;
  final: PlannedFinal;
}

/**
 * Returns the share of a budget that is used for children.
 * @param decide whether the choice of the cell depends on them
 */
export function childrenShare(seconds: number, decide: boolean): number {
  const { least, from, perDoubling, most } = budgetRule.children;
  return decide ? Math.min(most, least + perDoubling * Math.max(0, Math.log2(seconds / from))) : least;
}

/**
 * Whether the choice of the cell depends on the children of a search: it does unless a known cell is preferred and
 * there is no time for a race, which could put another one before it.
 */
export const childrenDecide = (
  { finalists, known }: Pick<SearchSettings, 'finalists' | 'known'>,
  plan: Pick<BudgetPlan, 'finalists'>,
): boolean => !finalists?.prefersKnown || known.length === 0 || plan.finalists > 0;

/** Returns the seconds of a search for its children: no child is asked for whose training would end later. */
export const childrenUntil = ({ seconds, childrenShare: share = childrenShare(seconds, true) }: BudgetTime): number =>
  seconds * share;

/**
 * Plans a search. More seconds never give fewer children or finalists, a smaller network, or fewer epochs of the same
 * size, except that the final network is smaller or has fewer epochs from the budget on that has time for a race.
 * @param spent progress of a running search
 */
export function planBudget(
  budget: BudgetTime,
  costs: BudgetCosts,
  spent: Spent = { seconds: 0, children: 0 },
): BudgetPlan {
  const { start, fewestChildren } = budgetRule;
  const { workers, child } = costs;
  const { seconds } = budget;
  const until = childrenUntil(budget);
  const more = Math.max(0, Math.floor(((until - spent.seconds - start) * workers) / child));
  const children = Math.max(fewestChildren, spent.children + more);
  const fewest = spent.seconds + start + (Math.max(0, fewestChildren - spent.children) * child) / workers;
  const searched = Math.max(until, fewest);
  const finalists = finalistsOf(budget, 0, costs);
  const raced = finalists > 0 ? Math.max(raceSeconds(seconds, costs), raceOf(finalists, costs)) : 0;
  return { children, finalists, final: finalWithin(seconds - searched - raced, seconds, costs.finals) };
}

/**
 * Returns how much longer than stated a child's training should be: with time for four times as many children there are
 * twice as many, each trained twice as long.
 */
export const childLength = (budget: BudgetTime, costs: Pick<BudgetCosts, 'child' | 'workers'>): number =>
  Math.max(1, Math.sqrt(childrenWithin(budget, costs) / budgetRule.shortChildren));

/** Whether a budget has time for enough of a larger child than the preset's. */
export const hasTimeForLarger = (budget: BudgetTime, costs: Pick<BudgetCosts, 'child' | 'workers'>): boolean =>
  childrenWithin(budget, costs) >= budgetRule.shortChildren;

/** Returns for how many children of the stated length there is time, as a fraction. */
const childrenWithin = (budget: BudgetTime, { child, workers }: Pick<BudgetCosts, 'child' | 'workers'>): number =>
  (childrenUntil(budget) * workers) / child;

/** Returns the seconds that are reserved for the race. */
const raceSeconds = (budget: number, { race }: Pick<BudgetCosts, 'race'>): number =>
  race ? budget * budgetRule.race : 0;

/** Returns the seconds of a race of so many finalists. */
const raceOf = (count: number, { race, workers }: Pick<BudgetCosts, 'race' | 'workers'>): number =>
  race ? budgetRule.start + (count * race.arms * race.runs * race.run) / workers : 0;

/**
 * Returns how much longer than stated a finalist's training should be. In a longer race there are more finalists, and
 * each is trained longer: twice as many twice as long in four times the time.
 */
export function raceLength(budget: BudgetTime, { race, workers }: Pick<BudgetCosts, 'race' | 'workers'>): number {
  if (!race) return 1;
  const runs = runsWithin(raceSeconds(budget.seconds, { race }), { race, workers });
  const count = Math.min(race.most, Math.max(fewestOf(budget, race), Math.floor(Math.sqrt(2 * runs))));
  return Math.max(1, runs / count);
}

/** Returns the minimum number of finalists of each arm. */
const fewestOf = ({ childrenShare: share }: BudgetTime, { most }: RaceCosts): number =>
  share === undefined ? budgetRule.fewestBefore : Math.min(most, budgetRule.fewestFinalists);

/** Returns for how many finalists of each arm all runs fit in this time, as a fraction. */
const runsWithin = (seconds: number, { race, workers }: { race: RaceCosts; workers: number }): number =>
  (Math.max(0, seconds - budgetRule.start) * workers) / (race.run * race.runs * race.arms);

/**
 * Returns the number of finalists of each arm when the race starts, 0 if none was planned, there is too little time for
 * one, or nobody to race against. It may use the seconds that were reserved for it, if there are so many left.
 */
export function finalistsOf(
  budget: BudgetTime,
  spent: number,
  { race, workers }: Pick<BudgetCosts, 'race' | 'workers'>,
): number {
  const { seconds, races } = budget;
  if (!race || races === false) return 0;
  const left = runsWithin(seconds - spent, { race, workers });
  const reserved = Math.min(left, runsWithin(raceSeconds(seconds, { race }), { race, workers }));
  const count = Math.min(race.most, Math.floor(reserved));
  const fewest = fewestOf(budget, race);
  if (fewest * race.arms < 2) return 0;
  if (count >= fewest) return count;
  const { plan, keep } = budgetRule.raceOverrun;
  return Math.min(left, reserved * (races ? keep : plan)) >= fewest ? fewest : 0;
}

/**
 * Returns the size and epochs of the final network that fit in `seconds`; the minimum of epochs of the smallest size if
 * none fits.
 */
export function finalWithin(seconds: number, budget: number, sizes: readonly FinalCosts[]): PlannedFinal {
  const { start, reserve, epochs } = budgetRule;
  const left = seconds - start - reserve * budget;
  const possible = sizes.map(({ epoch, once }) => (left - once) / epoch);
  const size = Math.max(
    0,
    possible.findLastIndex((count, place) => Math.min(count, epochs.most) >= sizes[place]!.fewestEpochs),
  );
  const whole = Math.floor(possible[size]! / epochs.step + 1e-9) * epochs.step;
  const planned = Math.min(epochs.most, Math.max(sizes[size]!.fewestEpochs, whole));
  return { size, epochs: Number(planned.toFixed(2)) };
}

/**
 * Returns the seconds that are left for the final training itself, by which its end is moved; undefined where the plan
 * has its fewest epochs, which do not follow the time.
 * @param once as in FinalCosts
 */
export function finalSeconds(seconds: number, budget: number, { epochs }: PlannedFinal, once: number) {
  return epochs > budgetRule.epochs.fewest ? seconds - once - budgetRule.report * budget : undefined;
}

/**
 * Returns the seconds of the minimum of trials and epochs. A shorter budget would be exceeded.
 * @param spent seconds that are over, of measuring this machine
 */
export function shortestBudget({ workers, child, finals }: BudgetCosts, spent = 0): number {
  const { fewestChildren, start, reserve } = budgetRule;
  const [{ epoch, once, fewestEpochs }] = finals as [FinalCosts];
  const least = spent + 2 * start + (fewestChildren * child) / workers + once + fewestEpochs * epoch;
  return least / (1 - reserve);
}

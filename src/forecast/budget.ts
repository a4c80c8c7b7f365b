// The rule by which a search spends its time: how many children it trains, how many finalists race, how large the final network is and how
// long it is trained. Pure arithmetic over predicted seconds; budget-costs.ts makes those, experiment/budget-course.ts follows the clock.

/** The numbers of the rule, with their reasons. Seconds are of the clock. */
export const budgetRule = {
  /**
   * Share of the budget for children: `least` up to `from` seconds, `perDoubling` more with every doubling, `most` at last. From one to four
   * epochs of the final network test accuracy rises by 17 points (54% to 71%, docs/experiments/test-view.md), while twice as many random
   * cells raise the best of them by a quarter of a deviation, which is half a point. Epochs lose their worth as they become many.
   */
  children: { least: 0.15, from: 480, perDoubling: 0.05, most: 0.4 },
  /** Share for the race of finalists: two cells, twice each, in eight minutes of two cores. */
  race: 0.12,
  /** Trials that a search has whatever they take: the known cell and some to compare it with. */
  fewestChildren: 4,
  /** A race of fewer says nothing. */
  fewestFinalists: 2,
  /** Epochs of the final network: what is planned are whole steps, at least `fewest`, and never more than the paper trains. */
  epochs: { fewest: 0.5, step: 0.05, most: 600 },
  /** Share that is kept for the report, and for a machine that becomes slower. */
  reserve: 0.03,
  /** Seconds until worker processes have loaded libtorch: once each for children, race and final network. */
  start: 2,
} as const;

/** Predicted seconds of the parts of a search. */
export interface BudgetCosts {
  /** Children trained at once. */
  workers: number;
  /** One child on its worker, with what a ladder adds to it. */
  child: number;
  /** Absent: a search without finalists. */
  race?: RaceCosts;
  /** The final network at each of its sizes, smallest first. */
  finals: FinalCosts[];
}

export interface RaceCosts {
  /** One run of a finalist on its worker. */
  run: number;
  /** Of each finalist, at most. */
  runs: number;
  /** How many finalists at most. */
  most: number;
}

export interface FinalCosts {
  /** An epoch with all threads, and the look at the held-out images after it. */
  epoch: number;
  /** What comes once: the test. */
  once: number;
  /** Epochs from which on this size is worth training; of the smallest the fewest that are worth anything. */
  fewestEpochs: number;
}

/** How far a search has come. */
export interface Spent {
  seconds: number;
  /** Trials that have an outcome. */
  children: number;
}

export interface PlannedFinal {
  /** 0: the smallest. */
  size: number;
  epochs: number;
}

export interface BudgetPlan {
  children: number;
  finalists: number;
  final: PlannedFinal;
}

/** Share of a budget that is for children. */
export function childrenShare(seconds: number): number {
  const { least, from, perDoubling, most } = budgetRule.children;
  return Math.min(most, least + perDoubling * Math.max(0, Math.log2(seconds / from)));
}

/** The second of a search at which no further child is asked for whose training would end after it. */
export const childrenUntil = (budget: number): number => budget * childrenShare(budget);

/**
 * What a budget buys. More seconds never buy fewer children or finalists, a smaller network or, at one size, fewer epochs of it; but where
 * a race begins to be affordable, the final network pays for it once.
 */
export function planBudget(budget: number, costs: BudgetCosts, spent: Spent = { seconds: 0, children: 0 }): BudgetPlan {
  const { start, fewestChildren } = budgetRule;
  const { workers, child } = costs;
  const until = childrenUntil(budget);
  const more = Math.max(0, Math.floor(((until - spent.seconds - start) * workers) / child));
  const children = Math.max(fewestChildren, spent.children + more);
  const fewest = spent.seconds + start + (Math.max(0, fewestChildren - spent.children) * child) / workers;
  const searched = Math.max(until, fewest);
  const finalists = finalistsWithin(raceSeconds(budget, costs), costs);
  const raced = finalists > 0 ? raceSeconds(budget, costs) : 0;
  return { children, finalists, final: finalWithin(budget - searched - raced, budget, costs.finals) };
}

/** Seconds that are reserved for the race. */
const raceSeconds = (budget: number, { race }: Pick<BudgetCosts, 'race'>): number =>
  race ? budget * budgetRule.race : 0;

/** How many finalists can race in so many seconds; 0: too few for a race. */
function finalistsWithin(seconds: number, { race, workers }: Pick<BudgetCosts, 'race' | 'workers'>): number {
  if (!race) return 0;
  const { fewestFinalists, start } = budgetRule;
  const count = Math.min(race.most, Math.floor((Math.max(0, seconds - start) * workers) / (race.run * race.runs)));
  return count < fewestFinalists ? 0 : count;
}

/** The same when the search has come to its race: so much of the rest of the budget as was reserved of the whole. */
export function finalistsOf(budget: number, spent: number, costs: Pick<BudgetCosts, 'race' | 'workers'>): number {
  return finalistsWithin(Math.min(raceSeconds(budget, costs), budget - spent), costs);
}

/** The size and the epochs of the final network that so many seconds of a budget are enough for; the fewest epochs where they are not. */
export function finalWithin(seconds: number, budget: number, sizes: readonly FinalCosts[]): PlannedFinal {
  const { start, reserve, epochs } = budgetRule;
  const left = seconds - start - reserve * budget;
  const possible = sizes.map(({ epoch, once }) => (left - once) / epoch);
  const size = Math.max(
    0,
    possible.findLastIndex((count, place) => count >= sizes[place]!.fewestEpochs),
  );
  const whole = Math.floor(possible[size]! / epochs.step + 1e-9) * epochs.step;
  const planned = Math.min(epochs.most, Math.max(sizes[size]!.fewestEpochs, whole));
  return { size, epochs: Number(planned.toFixed(2)) };
}

/** Seconds of the least that a budgeted search does: a shorter budget cannot be kept. */
export function shortestBudget({ workers, child, finals }: BudgetCosts): number {
  const { fewestChildren, start, reserve } = budgetRule;
  const [{ epoch, once, fewestEpochs }] = finals as [FinalCosts];
  const least = 2 * start + (fewestChildren * child) / workers + once + fewestEpochs * epoch;
  return least / (1 - reserve);
}

// Follows a search with a budget: its clock over all sessions, whether there is time for another child, the number of
// finalists, and the size and epochs of the final network. Each decision is stored before it takes effect, so that a
// resumed search does not change it.

import { budgetRule, childrenUntil, finalistsOf, finalSeconds } from '../forecast/budget.ts';
import { finalCosts, raceCosts } from '../forecast/budget-costs.ts';
import type { CostOptions } from '../forecast/estimate.ts';
import { type FinalMachine, planFinal } from '../forecast/plan-final.ts';
import type { Candidate } from '../study/candidate.ts';
import { decidedTraining } from '../study/final-training.ts';
import type { BudgetDecisions } from '../study/results.ts';
import type { Budget, SearchSettings, Training } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import type { SearchOutlook } from './outlook.ts';

export interface CourseOptions {
  budget: Budget;
  outlook: Pick<SearchOutlook, 'left' | 'perChild' | 'expect'>;
  /** Returns the options for costs by the current laws. */
  costs(): CostOptions;
  /** Seconds of the search before this object was created. */
  before?: number | undefined;
  /** Whether the final network is trained on this machine. */
  trainsHere: boolean;
  machine?: FinalMachine | undefined;
  /** A clock in milliseconds. Default: performance.now. */
  now?: () => number;
}

const countedEvery = 1; // seconds; a kill loses this time and the time since the last event

/** A number of trials that no search reaches, since its clock ends it. */
export const unboundedTrials = 100_000;

export class BudgetCourse {
  readonly #study: Study<SearchSettings>;
  readonly #options: CourseOptions;
  readonly #now: () => number;
  readonly #before: number;
  readonly #since: number;
  /** Milliseconds of pauses in which nothing ran. */
  #idle = 0;
  /** While paused: the time of the latest event, at which something still ran. */
  #pausedSince: number | undefined;
  #counted = 0;

  constructor(study: Study<SearchSettings>, options: CourseOptions) {
    this.#study = study;
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#before = (study.result('clock')?.seconds ?? 0) + (options.before ?? 0);
    this.#since = this.#now();
    this.count();
  }

  /** Seconds of the search over all sessions, without pauses. */
  get seconds(): number {
    const until = this.#pausedSince ?? this.#now();
    return this.#before + (until - this.#since - this.#idle) / 1000;
  }

  /** Stops the clock at the latest event from now on, since trainings that run go on; or starts it again. */
  pause(paused: boolean): void {
    if (paused === (this.#pausedSince !== undefined)) return;
    if (this.#pausedSince !== undefined) this.#idle += this.#now() - this.#pausedSince;
    this.#pausedSince = paused ? this.#now() : undefined;
  }

  get #decided(): BudgetDecisions {
    return this.#study.result('budget decisions') ?? {};
  }

  #decide(more: BudgetDecisions): void {
    this.#study.keep('budget decisions', { ...this.#decided, ...more });
  }

  /** Stores the clock. */
  count(): void {
    this.#counted = this.seconds;
    this.#study.keep('clock', { seconds: this.#counted });
  }

  /** Stores the clock if it is due. Call it after every event. */
  afterEvent(): void {
    if (this.#pausedSince !== undefined) this.#pausedSince = this.#now();
    if (this.seconds - this.#counted >= countedEvery) this.count();
  }

  /** Whether another trial is asked for after `asked` trials. After the first false it is always false. */
  mayAsk = (asked: number): boolean => {
    const { trials } = this.#decided;
    if (trials !== undefined) return asked < trials;
    if (asked < budgetRule.fewestChildren) return true;
    const { budget, outlook } = this.#options;
    if (this.seconds + outlook.left(undefined, asked + 1) <= childrenUntil(budget)) return true;
    this.#decide({ trials: asked });
    return false;
  };

  /** Returns the total number of trials by the current prediction. */
  planned(asked: number): number {
    const { trials } = this.#decided;
    if (trials !== undefined) return Math.max(trials, asked);
    const { budget, outlook } = this.#options;
    const left = childrenUntil(budget) - this.seconds - outlook.left(undefined, asked);
    return Math.max(asked + Math.max(0, Math.floor(left / outlook.perChild())), budgetRule.fewestChildren);
  }

  /**
   * Returns the number of finalists; 0: no race.
   * @param cells the cells that would race
   */
  finalists(cells: readonly Candidate[]): number {
    const { finalists } = this.#decided;
    if (finalists !== undefined) return finalists;
    const { budget, costs } = this.#options;
    const count = finalistsOf(budget, this.seconds, raceCosts(cells, costs()));
    this.#decide({ finalists: count });
    return count;
  }

  /**
   * Returns the final training of this cell for the remaining time. The size is chosen by the prediction, the number of
   * epochs by a measurement of its speed.
   */
  async final(candidate: Candidate): Promise<Training> {
    const { budget, costs, machine } = this.#options;
    const time = { budget: budget.seconds, left: () => budget.seconds - this.seconds };
    if (!this.#decided.final) {
      const { size, epochs, cost } = await planFinal(candidate, costs(), time, machine);
      this.#decide({ final: { size, epochs, once: cost.once } });
    }
    return decidedTraining(this.#study);
  }

  /**
   * Returns the seconds in which the final training, once decided, should end; undefined if it has its planned epochs,
   * however long they take.
   */
  finalSeconds(candidate: Candidate): number | undefined {
    const { budget, costs, trainsHere } = this.#options;
    if (!trainsHere) return undefined;
    const planned = this.#decided.final!;
    const { once = finalCosts([candidate], costs())[planned.size]!.once } = planned;
    return finalSeconds(budget.seconds - this.seconds, budget.seconds, planned, once);
  }
}

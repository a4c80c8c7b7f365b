// A search with a budget as it runs: its clock over all sessions, whether another child still fits, how many finalists race, and how large
// and how long the final network is trained. What is decided is in the study before it is acted on, so nobody decides it again.

import { budgetRule, childrenUntil, finalistsOf, finalWithin } from '../forecast/budget.ts';
import { epochSeconds, finalCosts, raceCosts } from '../forecast/budget-costs.ts';
import type { CostOptions } from '../forecast/estimate.ts';
import type { Candidate } from '../study/candidate.ts';
import { finalSizes, finalTraining } from '../study/final-training.ts';
import type { BudgetDecisions } from '../study/results.ts';
import type { Budget, SearchSettings, Training } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import type { SearchOutlook } from './outlook.ts';

export interface CourseOptions {
  budget: Budget;
  outlook: Pick<SearchOutlook, 'left' | 'perChild' | 'expect'>;
  /** What parts cost by the laws as they are now learnt. */
  costs(): CostOptions;
  /** Seconds that went into the search before this. */
  before?: number | undefined;
  /**
   * How many times as long as predicted the steps of the cell's final training take with all threads, by the predicted seconds of those of an
   * epoch; undefined where that cannot be told. Default: never.
   */
  measure?:
    | ((candidate: Candidate, training: Training, epochSeconds: number) => Promise<number | undefined>)
    | undefined;
  /** Milliseconds of a clock that runs. */
  now?: () => number;
}

const countedEvery = 1; // seconds that a kill may leave uncounted, beside what no event follows

/** So many are never asked for: the clock ends a search. */
export const unboundedTrials = 100_000;

export class BudgetCourse {
  readonly #study: Study<SearchSettings>;
  readonly #options: CourseOptions;
  readonly #now: () => number;
  readonly #before: number;
  readonly #since: number;
  #counted = 0;

  constructor(study: Study<SearchSettings>, options: CourseOptions) {
    this.#study = study;
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#before = (study.result('clock')?.seconds ?? 0) + (options.before ?? 0);
    this.#since = this.#now();
    this.count();
  }

  /** That the search has taken, over all sessions. */
  get seconds(): number {
    return this.#before + (this.#now() - this.#since) / 1000;
  }

  get #decided(): BudgetDecisions {
    return this.#study.result('budget decisions') ?? {};
  }

  #decide(more: BudgetDecisions): void {
    this.#study.keep('budget decisions', { ...this.#decided, ...more });
  }

  /** Keeps the clock. */
  count(): void {
    this.#counted = this.seconds;
    this.#study.keep('clock', { seconds: this.#counted });
  }

  /** To be called after every event. */
  passed(): void {
    if (this.seconds - this.#counted >= countedEvery) this.count();
  }

  /** Whether one more is asked for after so many. Once it is not, none ever is. */
  mayAsk = (asked: number): boolean => {
    const { trials } = this.#decided;
    if (trials !== undefined) return asked < trials;
    if (asked < budgetRule.fewestChildren) return true;
    const { budget, outlook } = this.#options;
    if (this.seconds + outlook.left(undefined, asked + 1) <= childrenUntil(budget.seconds)) return true;
    this.#decide({ trials: asked });
    return false;
  };

  /** How many trials there will be, by what is known now. */
  planned(asked: number): number {
    const { trials } = this.#decided;
    if (trials !== undefined) return Math.max(trials, asked);
    const { budget, outlook } = this.#options;
    const left = childrenUntil(budget.seconds) - this.seconds - outlook.left(undefined, asked);
    return Math.max(asked + Math.max(0, Math.floor(left / outlook.perChild())), budgetRule.fewestChildren);
  }

  /** How many finalists race; 0: none. @param cells those that would */
  finalists(cells: readonly Candidate[]): number {
    const { finalists } = this.#decided;
    if (finalists !== undefined) return finalists;
    const { budget, costs } = this.#options;
    const count = finalistsOf(budget.seconds, this.seconds, raceCosts(cells, costs()));
    this.#decide({ finalists: count });
    return count;
  }

  /** The final training of this cell, in what is left. A size is chosen by prediction, its speed then measured. */
  async final(candidate: Candidate): Promise<Training> {
    if (!this.#decided.final) this.#decide({ final: await this.#planFinal(candidate) });
    return finalTraining(this.#study);
  }

  async #planFinal(candidate: Candidate): Promise<NonNullable<BudgetDecisions['final']>> {
    const { budget, costs, measure } = this.#options;
    const within = (sizes: typeof predicted) => finalWithin(budget.seconds - this.seconds, budget.seconds, sizes);
    const predicted = finalCosts([candidate], costs());
    const { size } = within(predicted);
    const training = finalSizes(this.#study.settings)[size]!;
    const ratio = await measure?.(candidate, training, epochSeconds(training, [candidate], costs()));
    if (ratio === undefined) return within(predicted);
    return within(
      predicted.map(({ epoch, once, fewestEpochs }) => ({ epoch: ratio * epoch, once: ratio * once, fewestEpochs })),
    );
  }
}

// The remaining time of a search with an external evaluator, extrapolated from the trials of this process.

import type { SearchSettings } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import { targetOf } from '../study/target.ts';
import type { SearchEvent } from './search-loop.ts';

export class ElapsedOutlook {
  readonly #study: Study<SearchSettings>;
  readonly #startedAt = performance.now();
  #trials: number;
  /** Trials with an outcome of earlier processes, and of this one. */
  readonly #before: number;
  #finished = 0;

  /** @param trials the target number */
  constructor(study: Study<SearchSettings>, trials: number) {
    this.#study = study;
    this.#trials = trials;
    const { done, failed } = study.summary().trials;
    this.#before = done + failed;
  }

  /** Call it with every event of the search. */
  on(event: SearchEvent): void {
    if (event.kind === 'requested' && event.request.action === 'add') this.#trials = targetOf(this.#study);
    if (event.kind === 'done' || event.kind === 'failed') this.#finished++;
  }

  /** Returns the remaining seconds; 0 before the first outcome. */
  left(now = performance.now()): number {
    if (this.#finished === 0) return 0;
    const open = Math.max(0, this.#trials - this.#before - this.#finished);
    return (((now - this.#startedAt) / 1000) * open) / this.#finished;
  }
}

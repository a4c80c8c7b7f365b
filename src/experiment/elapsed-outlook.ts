// The remaining time of a search with an external evaluator, extrapolated from the trials of this process.

import type { Study } from '../study/study.ts';
import type { SearchEvent } from './search-loop.ts';

export class ElapsedOutlook {
  readonly #startedAt = performance.now();
  #open: number;
  #finished = 0;

  /** @param trials the target number */
  constructor(study: Study<object>, trials: number) {
    const { done, failed } = study.summary().trials;
    this.#open = Math.max(0, trials - done - failed);
  }

  /** Call it with every event of the search. */
  on({ kind }: SearchEvent): void {
    if (kind !== 'done' && kind !== 'failed') return;
    this.#open--;
    this.#finished++;
  }

  /** Returns the remaining seconds; 0 before the first outcome. */
  left(): number {
    if (this.#finished === 0) return 0;
    return (((performance.now() - this.#startedAt) / 1000) * Math.max(0, this.#open)) / this.#finished;
  }
}

// The line that shows how far a training is.

import { duration, percent } from '../../words.ts';

/** The progress of a training with the time that is left. */
export class ProgressLine {
  #first: { share: number; at: number } | undefined;

  words(share: number): string {
    const now = performance.now();
    this.#first ??= { share, at: now };
    const { share: before, at } = this.#first;
    const left = share > before ? ((now - at) / 1000 / (share - before)) * (1 - share) : undefined;
    return `  ${percent(share)} trained${left === undefined ? '' : `, about ${duration(left)} left`}`;
  }
}

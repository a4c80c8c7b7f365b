// The open trials of a strategy, asked for but not reported yet, with the strategy's data about each.

import { isFiniteReward } from './reward.ts';
import type { Outcome } from './strategy.ts';

/** The strategy's data about each open trial, in the order of the asks. */
export class PendingTrials<Sample> {
  readonly #samples = new Map<number, Sample>();

  /** Opens a trial. @throws Error if it is open already or its number is not 0, 1, 2 … */
  open(trial: number, sample: Sample): void {
    this.refuse(trial);
    this.#samples.set(trial, sample);
  }

  /** Checks a trial's number. @throws Error as `open` */
  refuse(trial: number): void {
    if (!Number.isSafeInteger(trial) || trial < 0) throw new Error(`trial ${trial}: expected an integer from 0`);
    if (this.#samples.has(trial)) throw new Error(`trial ${trial} has been asked for and is still open`);
  }

  /**
   * Closes a trial and returns its data. @throws Error if it is not open, or if its reward is not finite (then it stays
   * open)
   */
  close(trial: number, outcome: Outcome): Sample {
    const sample = this.#samples.get(trial);
    if (sample === undefined) throw new Error(`trial ${trial} was never asked for or has been reported already`);
    if ('reward' in outcome && !isFiniteReward(outcome.reward)) {
      throw new Error(`trial ${trial}: expected a finite reward (float32), got ${outcome.reward}`);
    }
    this.#samples.delete(trial);
    return sample;
  }

  entries(): [trial: number, sample: Sample][] {
    return [...this.#samples];
  }

  replace(entries: readonly (readonly [trial: number, sample: Sample])[]): void {
    this.#samples.clear();
    for (const [trial, sample] of entries) this.#samples.set(trial, sample);
  }
}

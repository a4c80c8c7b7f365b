// Trials that were asked for and not yet told, with what their strategy must remember of each.

import type { Outcome } from './strategy.ts';

/** What is remembered of each open trial, in the order of the asks. */
export class PendingTrials<Sample> {
  readonly #samples = new Map<number, Sample>();

  /** Opens a trial. Throws an Error if it is open already or its number is not 0, 1, 2 … */
  open(trial: number, sample: Sample): void {
    this.refuse(trial);
    this.#samples.set(trial, sample);
  }

  /** Throws what open() would. */
  refuse(trial: number): void {
    if (!Number.isSafeInteger(trial) || trial < 0) throw new Error(`trial ${trial}: expected an integer from 0`);
    if (this.#samples.has(trial)) throw new Error(`trial ${trial} was asked for before and is still open`);
  }

  /** Closes a trial and returns its sample. Throws an Error if it is not open or its reward is not finite; it stays open then. */
  close(trial: number, outcome: Outcome): Sample {
    const sample = this.#samples.get(trial);
    if (sample === undefined) throw new Error(`trial ${trial} was never asked for or was already told`);
    if ('reward' in outcome && !Number.isFinite(Math.fround(outcome.reward))) {
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

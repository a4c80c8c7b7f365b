// Trainings that finish in the order of a virtual clock, however fast the machine is: each takes the time that
// durationOf says from the moment at which it was asked for. After a kill the clock is set again from the study's log.

import type { Evaluate, Evaluation } from '../../src/experiment/evaluator.ts';
import type { TrialToEvaluate } from '../../src/study/outcome.ts';
import { durationOf } from './chain-strategy.ts';

const keyOf = ({ number, rung = 0 }: Pick<TrialToEvaluate, 'number' | 'rung'>) => `${number} ${rung}`;

export class VirtualWorkers {
  #now = 0;
  /** When each training ends that was asked for and not reported. */
  readonly #ends = new Map<string, number>();
  readonly #waiting = new Map<string, () => void>();

  asked(training: { number: number; rung: number }): void {
    const { number, rung } = training;
    this.#ends.set(keyOf(training), this.#now + durationOf(number + 7 * rung) * 3 ** rung + number / 1e6);
  }

  reported(training: { number: number; rung: number }): void {
    this.#now = this.#ends.get(keyOf(training))!;
    this.#ends.delete(keyOf(training));
    setImmediate(() => this.#letGo());
  }

  evaluate(outcome: (trial: TrialToEvaluate) => Evaluation): Evaluate {
    return async (trial, { started }) => {
      started();
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.set(keyOf(trial), resolve);
      setImmediate(() => this.#letGo()); // when those that were sent with it are here as well
      await promise;
      return outcome(trial);
    };
  }

  /** The training that ends first may end; nothing happens while it has ended and was not reported. */
  #letGo(): void {
    let first: [key: string, end: number] | undefined;
    for (const each of this.#ends) if (!first || each[1] < first[1]) first = each;
    if (!first) return;
    this.#waiting.get(first[0])?.();
    this.#waiting.delete(first[0]);
  }
}

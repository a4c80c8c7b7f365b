// Trials that finish in a known order, however fast the machine is: as if each of several workers needed the time that
// durationOf says, so that trials overtake each other.

import type { Evaluate, Evaluation } from '../../src/experiment/evaluator.ts';
import { durationOf } from './chain-strategy.ts';

/** Returns the order in which trials finish if each free worker starts the next one immediately. */
export function finishingOrder(trials: number, workers: number): number[] {
  const running: { trial: number; end: number }[] = [];
  const order: number[] = [];
  let now = 0;
  for (let next = 0; order.length < trials; ) {
    while (next < trials && running.length < workers) running.push({ trial: next, end: now + durationOf(next++) });
    running.sort((a, b) => a.end - b.end || a.trial - b.trial);
    const first = running.shift()!;
    now = first.end;
    order.push(first.trial);
  }
  return order;
}

/**
 * Evaluations that end in this order, each when all before it were reported. `reported` is the number of reports so
 * far.
 */
export class InTurn {
  readonly #order: readonly number[];
  #reported: number;
  readonly #waiting = new Map<number, () => void>();

  constructor(order: readonly number[], reported = 0) {
    this.#order = order;
    this.#reported = reported;
  }

  evaluate(outcome: (trial: number, decisions: readonly number[]) => Evaluation): Evaluate {
    return async ({ number, candidate: { decisions } }, { started }) => {
      started();
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.set(number, resolve);
      this.#letGo();
      await promise;
      return outcome(number, decisions);
    };
  }

  /** Call it after each report. */
  next(): void {
    this.#reported++;
    this.#letGo();
  }

  #letGo(): void {
    this.#waiting.get(this.#order[this.#reported] ?? -1)?.();
  }
}

// Reuses rewards: a trial whose graph was trained before in this study gets that reward without a training. This
// includes running trials. With a ladder it applies to the lowest rung; on higher rungs promotions.ts trains a graph
// once.

import { type DecisionKind, decisionKind } from '../space/decisions.ts';
import { Candidate } from '../study/candidate.ts';
import type { Study } from '../study/study.ts';
import { type Evaluate, isReward } from './evaluator.ts';

interface Known {
  number: number;
  reward: number;
}

/**
 * The first reward of each graph. A key takes 40 µs, so the keys of an earlier process's trials are computed only when
 * a trial of the same kind is asked for.
 */
export class KnownRewards {
  readonly #byKey = new Map<string, Known>();
  /** Trials without a key yet, by a cheap hash that is equal for equal graphs. */
  readonly #waiting = new Map<string, (Known & { decisions: number[] })[]>();

  constructor(trials: Iterable<Known & { decisions: number[] }>) {
    for (const trial of trials) {
      const kind = kindOf(trial.decisions);
      const alike = this.#waiting.get(kind);
      if (alike) alike.push(trial);
      else this.#waiting.set(kind, [trial]);
    }
  }

  get(candidate: Candidate): Known | undefined {
    const kind = kindOf(candidate.decisions);
    for (const { decisions, ...known } of this.#waiting.get(kind) ?? [])
      this.#keep(new Candidate(decisions, candidate.space).key, known);
    this.#waiting.delete(kind);
    return this.#byKey.get(candidate.key);
  }

  add(candidate: Candidate, known: Known): void {
    if (!this.get(candidate)) this.#keep(candidate.key, known);
  }

  #keep(key: string, known: Known): void {
    if (!this.#byKey.has(key)) this.#byKey.set(key, known);
  }
}

/** Returns each cell's operations and combiners in sorted order. */
function kindOf(decisions: readonly number[]): string {
  const half = decisions.length / 2;
  const sorted = (from: number, kind: DecisionKind) =>
    decisions
      .filter((_, index) => index >= from && index < from + half && decisionKind(index) === kind)
      .sort()
      .join();
  return [0, half].map((from) => `${sorted(from, 'operation')} ${sorted(from, 'combiner')}`).join(' ');
}

/**
 * Returns an `evaluate` that trains each graph once. Repeats take 0 seconds and name the trial that they repeat. A
 * repeat of a running trial waits for it; if that fails, the earliest waiting one is trained.
 */
export function remembering(evaluate: Evaluate, study: Study<object>): Evaluate {
  const known = new KnownRewards(study.evaluated());
  const underWay = new Map<string, Promise<unknown>>();

  return async (trial, progress) => {
    if (trial.rung) return evaluate(trial, progress);
    const { candidate, number } = trial;
    const { key } = candidate;
    while (underWay.has(key)) await underWay.get(key);
    const earlier = known.get(candidate);
    if (earlier) return { reward: earlier.reward, seconds: 0, sameAs: earlier.number };

    const evaluation = evaluate(trial, progress);
    const recorded = evaluation.then(
      (outcome) => {
        underWay.delete(key);
        if ('reward' in outcome && isReward(outcome.reward)) known.add(candidate, { ...outcome, number });
      },
      () => underWay.delete(key),
    );
    underWay.set(key, recorded);
    await recorded; // so that the reward is known before the next ask
    return evaluation;
  };
}

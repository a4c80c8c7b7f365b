// Same graph, same reward: a trial whose architecture was trained before in this study takes that reward instead of training it
// again. It remembers done trials and those under way; what it answers, the run loop records as for any trial. Of a ladder it knows the
// lowest rung: on the higher ones a graph has one training, its first trial's, because promotions.ts counts it once.

import { type DecisionKind, decisionKind } from '../space/decisions.ts';
import { Candidate } from '../study/candidate.ts';
import type { Study } from '../study/study.ts';
import { type Evaluate, isReward } from './evaluator.ts';

interface Known {
  number: number;
  reward: number;
}

/**
 * Rewards by graph, the first of each. Keys take 40 µs each: those of an earlier process's trials are made when one of their kind is
 * asked for.
 */
export class KnownRewards {
  readonly #byKey = new Map<string, Known>();
  /** Without a key yet, by what is quick to say of them and the same for the same graph. */
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

/** Each cell's operations and combiners, whatever their order. */
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
 * `evaluate`, asked once for each graph: repeats take 0 seconds and name the trial that they repeat. A repeat that comes while the
 * first is being trained waits for it; if that fails, the earliest of those that wait is trained in its place.
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
    const settled = evaluation.then(
      (outcome) => {
        underWay.delete(key);
        if ('reward' in outcome && isReward(outcome.reward)) known.add(candidate, { ...outcome, number });
      },
      () => underWay.delete(key),
    );
    underWay.set(key, settled);
    await settled; // so that whoever asks after this outcome finds it known
    return evaluation;
  };
}

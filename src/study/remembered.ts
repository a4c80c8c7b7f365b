// Same graph, same reward: a trial whose architecture was trained before in this study takes that reward instead of training it
// again. It remembers done trials and those under way; what it answers, the run loop records as for any trial.

import { architectureKey } from '../space/canonical.ts';
import { decode } from '../space/decisions.ts';
import { type Evaluate, isReward } from './evaluation.ts';
import type { Study } from './study.ts';

interface Known {
  number: number;
  reward: number;
}

/**
 * `evaluate`, asked once for each graph: repeats take 0 seconds and name the trial that they repeat. A repeat that comes while the
 * first is being trained waits for it; if that fails, the earliest of those that wait is trained in its place.
 */
export function remembering(evaluate: Evaluate, study: Study<object>): Evaluate {
  const known = new Map<string, Known>();
  for (const { number, decisions, reward } of study.evaluated()) known.set(keyOf(decisions), { number, reward });
  const underWay = new Map<string, Promise<unknown>>();

  return async (trial, progress) => {
    const key = keyOf(trial.decisions);
    while (underWay.has(key)) await underWay.get(key);
    const earlier = known.get(key);
    if (earlier) return { reward: earlier.reward, seconds: 0, sameAs: earlier.number };

    const evaluation = evaluate(trial, progress);
    const settled = evaluation.then(
      (outcome) => {
        underWay.delete(key);
        if ('reward' in outcome && isReward(outcome.reward)) known.set(key, { ...outcome, number: trial.number });
      },
      () => underWay.delete(key),
    );
    underWay.set(key, settled);
    await settled; // so that whoever asks after this outcome finds it known
    return evaluation;
  };
}

const keyOf = (decisions: readonly number[]) => architectureKey(decode(decisions));

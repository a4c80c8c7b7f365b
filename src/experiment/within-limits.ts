// The limits of a search around its evaluations: candidates that exceed them fail without training, and a limited
// latency is stored with each trial.

import type { CheckLimits } from '../forecast/limits.ts';
import type { Candidate } from '../study/candidate.ts';
import type { Evaluate } from './evaluator.ts';

/** The failure kind of a trial that exceeds the limits. */
export const overLimit = 'over-limit';

/** Returns an `evaluate` that fails candidates that exceed the limits. */
export function withinLimits(evaluate: Evaluate, check: CheckLimits): Evaluate {
  return async (trial, progress) => {
    const excess = check(trial.candidate);
    return excess ? { failure: { kind: overLimit, message: excess.message }, seconds: 0 } : evaluate(trial, progress);
  };
}

/** Returns an `evaluate` that adds the predicted latency of the final network in milliseconds to a trial's details. */
export function withLatency(evaluate: Evaluate, latencyOf: (candidate: Candidate) => number): Evaluate {
  return async (trial, progress) => {
    const evaluation = await evaluate(trial, progress);
    if ('failure' in evaluation) return evaluation;
    return { ...evaluation, details: { ...(evaluation.details as object), latency: latencyOf(trial.candidate) } };
  };
}

// An evaluation that fails what is beyond the limits of a search without training it.

import type { CheckLimits } from '../forecast/limits.ts';
import type { Evaluate } from './evaluator.ts';

/** The class of a trial that is beyond the limits. */
export const overLimit = 'over-limit';

/** Fails what is beyond the limits, in no time. */
export function withinLimits(evaluate: Evaluate, check: CheckLimits): Evaluate {
  return async (trial, progress) => {
    const excess = check(trial.candidate);
    return excess ? { failure: { kind: overLimit, message: excess.message }, seconds: 0 } : evaluate(trial, progress);
  };
}

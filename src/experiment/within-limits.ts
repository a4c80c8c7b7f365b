// Fails candidates that exceed the limits of a search without training them.

import type { CheckLimits } from '../forecast/limits.ts';
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

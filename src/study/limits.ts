// Limits on what a search may propose, checked from the plan of the network that will be built from the best cell, before anything
// is trained. What happens to an architecture beyond them is the search's setting: another is drawn, or it counts as failed.

import { InputError } from '../failure.ts';
import { decode } from '../space/decisions.ts';
import { planNetwork } from '../space/plan.ts';
import type { SpaceName } from '../space/search-space.ts';
import type { Evaluate } from './evaluation.ts';
import type { Training } from './preset.ts';

export interface Limits {
  /** Trainable parameters of the final network, at most. */
  parameters?: number;
  /** Its multiply-adds for one image, at most. */
  multiplyAdds?: number;
  /** 'resample': the strategy draws another. 'penalise': it is told of a failed trial, and learns to stay within. */
  beyond: 'resample' | 'penalise';
}

/** What the architecture exceeds, in words; undefined when it keeps the limits. */
export type CheckLimits = (decisions: readonly number[]) => string | undefined;

/** The check for the final network of a search on so many classes; of space A where no other is named. */
export function limitCheck(limits: Limits, final: Training, classes: number, space?: SpaceName): CheckLimits {
  const { cells, filters, resolution } = final;
  return (decisions) => {
    const plan = planNetwork(decode(decisions, space), { cells, filters, input: resolution, classes });
    const exceeded = (value: number, most: number | undefined, what: string) =>
      most !== undefined && value > most
        ? `${value.toLocaleString('en-US')} ${what} of at most ${most.toLocaleString('en-US')}`
        : undefined;
    return (
      exceeded(plan.trainableParameters, limits.parameters, 'parameters') ??
      exceeded(plan.multiplyAdds, limits.multiplyAdds, 'multiply-adds')
    );
  };
}

/** The class of a trial that is beyond the limits. */
export const overLimit = 'over-limit';

/** Fails what is beyond the limits, in no time. */
export function withinLimits(evaluate: Evaluate, check: CheckLimits): Evaluate {
  return async (trial, progress) => {
    const message = check(trial.decisions);
    return message ? { failure: { kind: overLimit, message }, seconds: 0 } : evaluate(trial, progress);
  };
}

/** @throws InputError for limits that not even the smallest of cells keeps */
export function refuseImpossible(limits: Limits, check: CheckLimits, blocks: number): void {
  const cell = Array.from({ length: blocks }, () => [0, 0, 0, 0, 0]).flat(); // identities, added
  const exceeded = check([...cell, ...cell]);
  if (!exceeded) return;
  const flag =
    limits.parameters !== undefined && exceeded.includes(' parameters') ? '--max-parameters' : '--max-multiply-adds';
  throw new InputError(
    `${flag}: expected a limit that some cell keeps, but cells of identities alone make a network of ${exceeded}`,
  );
}

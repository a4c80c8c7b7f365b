// A trial's rewards on a ladder.

import type { Study } from '../study/study.ts';

/** Returns the rewards of a trial at all rungs up to the highest that it reached; one reward without a ladder. */
export function rungRewards(study: Study<object>, trial: number): number[] {
  const { reward } = study.trial(trial)!;
  return [reward!, ...study.rungs.of(trial).flatMap((rung) => rung.reward ?? [])];
}

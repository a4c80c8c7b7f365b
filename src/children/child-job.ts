// Builds a worker's job from a trial's training at a rung.

import type { TrialToEvaluate } from '../study/outcome.ts';
import { canContinue, rungTrainings } from '../study/rung-trainings.ts';
import type { SearchSettings, Training } from '../study/settings.ts';
import { pausedChild, unfinishedTrial } from './study-artifacts.ts';
import type { SeededTraining, TrainingJob } from './training-job.ts';

/**
 * Returns the job of a child's training at a rung. Every rung has its own seed.
 * @param trainings the child's at all rungs, the lowest first. Default: those of the settings
 */
export function childJob(
  settings: SearchSettings,
  { number, candidate, rung = 0 }: TrialToEvaluate,
  trainings: readonly Training[] = rungTrainings(settings),
): TrainingJob {
  const seeded = (index: number): SeededTraining => ({
    training: trainings[index]!,
    seed: `${settings.seed}, trial ${number}${index === 0 ? '' : `, rung ${index}`}`,
  });
  let first = rung;
  while (first > 0 && canContinue(trainings[first - 1]!, trainings[first]!)) first--;
  const earlier = Array.from({ length: rung - first }, (_, index) => seeded(first + index));
  const above = trainings[rung + 1];
  const isPaused = above !== undefined && canContinue(trainings[rung]!, above);
  return {
    architecture: candidate.architecture,
    ...seeded(rung),
    ...(earlier.length > 0 && { earlier }),
    ...((earlier.length > 0 || isPaused) && {
      paused: {
        ...(earlier.length > 0 && { from: pausedChild(number, rung - 1) }),
        ...(isPaused && { to: pausedChild(number, rung) }),
      },
    }),
    checkpoint: { key: unfinishedTrial(number, rung) },
  };
}

// A trial's training at a rung as the job of a worker.

import type { TrialToEvaluate } from '../study/outcome.ts';
import { goesOn, rungTrainings } from '../study/rung-trainings.ts';
import type { SearchSettings } from '../study/settings.ts';
import { pausedChild, unfinishedTrial } from './study-artifacts.ts';
import type { SeededTraining, TrainingJob } from './training-job.ts';

/** A child's training at a rung as a worker is told of it. Every rung has random numbers of its own. */
export function childJob(settings: SearchSettings, { number, candidate, rung = 0 }: TrialToEvaluate): TrainingJob {
  const trainings = rungTrainings(settings);
  const seeded = (place: number): SeededTraining => ({
    training: trainings[place]!,
    seed: `${settings.seed}, trial ${number}${place === 0 ? '' : `, rung ${place}`}`,
  });
  let first = rung;
  while (first > 0 && goesOn(trainings[first - 1]!, trainings[first]!)) first--;
  const earlier = Array.from({ length: rung - first }, (_, index) => seeded(first + index));
  const above = trainings[rung + 1];
  const waits = above !== undefined && goesOn(trainings[rung]!, above);
  return {
    architecture: candidate.architecture,
    ...seeded(rung),
    ...(earlier.length > 0 && { earlier }),
    ...((earlier.length > 0 || waits) && {
      paused: {
        ...(earlier.length > 0 && { from: pausedChild(number, rung - 1) }),
        ...(waits && { to: pausedChild(number, rung) }),
      },
    }),
    checkpoint: { key: unfinishedTrial(number, rung) },
  };
}

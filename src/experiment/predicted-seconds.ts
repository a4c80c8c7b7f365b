// How long each training of a search is predicted to take: by what the study has learnt on its machine, before that by the laws that the code
// states. The pool ends what takes many times as long.

import { availableParallelism } from 'node:os';
import { startingLaws } from '../forecast/cost-law.ts';
import { type ImageCounts, TrainingTerms } from '../forecast/prediction.ts';
import { sum } from '../statistics/order.ts';
import type { Candidate } from '../study/candidate.ts';
import { rungTrainings } from '../study/rung-trainings.ts';
import type { SearchSettings, Training } from '../study/settings.ts';
import type { Study } from '../study/study.ts';

/** Trainings in the order in which one child goes through them, by the cell that it has. */
type SecondsOf = (candidate: Candidate) => number;

/** @param workers that share the cores */
export function predictedSeconds(study: Study<SearchSettings>, counts: ImageCounts, workers: number) {
  const { settings } = study;
  const laws = study.result('prediction')?.laws ?? startingLaws;
  const crowding = Math.max(1, workers / availableParallelism());
  const of = (trainings: readonly Training[]): SecondsOf => {
    const terms = trainings.map((training) => new TrainingTerms(settings, training, counts));
    return (candidate) => crowding * sum(terms.map((each) => each.cost(candidate, laws).seconds));
  };
  const rungs = rungTrainings(settings);
  const upTo = rungs.map((_, rung) => of(rungs.slice(0, rung + 1))); // a lost file costs the rungs below once more
  return {
    trial: (candidate: Candidate, rung = 0): number => upTo[rung]!(candidate),
    training: (training: Training, candidate: Candidate): number => of([training])(candidate),
  };
}

// Predicts the seconds and the memory of each training of a search, by the study's corrected prediction or the default
// laws: as the latest children have corrected them. A training that takes many times as long is ended; a queue sends it
// to a worker that has the memory.

import { availableParallelism } from 'node:os';
import { lawValue, startingLaws } from '../forecast/cost-law.ts';
import { childTerms, type TermsOf, termsIn } from '../forecast/equal-cost.ts';
import type { ImageCounts } from '../forecast/prediction.ts';
import { sum } from '../statistics/order.ts';
import type { Coefficients } from '../statistics/robust-fit.ts';
import type { Candidate } from '../study/candidate.ts';
import type { SearchSettings, Training } from '../study/settings.ts';
import type { Study } from '../study/study.ts';

/** Predicts the costs of a candidate's training. */
type CostsOf = (candidate: Candidate) => {
  predicted: number;
  predictedOn?: Readonly<Record<string, number>>;
  memory: number;
};

/** @param workers number of workers that share the cores of this machine */
export function predictedCosts(study: Study<SearchSettings>, counts: ImageCounts, workers: number) {
  const { settings } = study;
  const crowding = Math.max(1, workers / availableParallelism());
  const of = (terms: readonly TermsOf[]): CostsOf => {
    return (candidate) => {
      const { laws = startingLaws, kinds } = study.result('prediction') ?? {};
      const all = terms.map((termsOf) => termsOf(candidate));
      const secondsBy = (law: Coefficients) => sum(all.map(({ seconds }) => lawValue(law, seconds)));
      const onKind = Object.entries(kinds ?? {}).map(([kind, { seconds }]) => [kind, secondsBy(seconds)]);
      return {
        predicted: crowding * secondsBy(laws.seconds),
        ...(kinds && { predictedOn: Object.fromEntries(onKind) }),
        memory: Math.max(...all.map(({ memory }) => lawValue(laws.memory, memory))),
      };
    };
  };
  const rungs = childTerms(settings, counts);
  const upTo = rungs.map((_, rung) => of(rungs.slice(0, rung + 1))); // if a file is lost, the rungs below are repeated
  return {
    trial: (candidate: Candidate, rung = 0) => upTo[rung]!(candidate),
    training: (training: Training, candidate: Candidate) => of([termsIn(() => training, settings, counts)])(candidate),
  };
}

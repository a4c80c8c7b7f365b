// The race of a study's finalists as far as its records tell it, and the order of the best trials that follows from it.

import type { FinalistRunRecord } from '../study/finalist-runs.ts';
import type { TrialRecord } from '../study/records.ts';
import type { SearchSettings } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import { type Race, type Racer, race, ranking } from './racing.ts';

export interface FinalistRace extends Race {
  /** The finalists' trials, best child first; the race names finalists by their places here. */
  trials: number[];
  /** Those of each arm, best child first; a graph that two arms found is in both. Absent where an older version began the race. */
  arms?: number[][];
  racers: Racer[];
  /** What is recorded of these finalists' trainings. */
  runs: FinalistRunRecord[];
}

export type Chosen = Pick<FinalistRace, 'trials' | 'arms'>;

/** The race as far as it has come; undefined before it begins, and in studies without finalists. */
export function finalistRace(study: Study<SearchSettings>): FinalistRace | undefined {
  const { finalists, validationImages } = study.settings;
  const kept = study.result('finalists');
  if (!finalists || !kept) return undefined;
  const { trials, arms } = kept;
  const runs = study.finalistRuns.all().filter(({ trial }) => trials.includes(trial));
  const racers = trials.map((trial): Racer => {
    const own = runs.filter((run) => run.trial === trial);
    const accuracies: (number | undefined)[] = [];
    for (const { run, accuracy } of own) accuracies[run - 1] = accuracy ?? undefined;
    return { accuracies: Array.from(accuracies), failed: own.some(({ state }) => state === 'failed') };
  });
  const step = 1 / (validationImages ?? Number.POSITIVE_INFINITY);
  return { ...race(racers, { ...finalists.seeds, step }), trials, ...(arms && { arms }), racers, runs };
}

/** The best trials: finalists of a race that is over in its order, then the others by their children's reward. */
export function bestTrials(study: Study<SearchSettings>, count = 1): TrialRecord[] {
  const finished = finalistRace(study);
  const numbers = finished?.end ? ranking(finished.racers, finished).map((place) => finished.trials[place]!) : [];
  const first = numbers.slice(0, count).map((number) => study.trial(number)!);
  const others = study.best(count + numbers.length).filter(({ number }) => !numbers.includes(number));
  return [...first, ...others].slice(0, count);
}

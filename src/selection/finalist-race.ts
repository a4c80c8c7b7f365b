// Computes the state of a study's race of finalists from its records, and the order of its best trials.

import type { FinalistRunRecord } from '../study/finalist-runs.ts';
import type { TrialRecord } from '../study/records.ts';
import type { SearchSettings } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import { type Race, type Racer, race, ranking } from './racing.ts';

export interface FinalistRace extends Race {
  /** The finalists' trials, best child first. `Race` refers to finalists by their index here. */
  trials: number[];
  /** The trials of each arm, best child first; a graph of two arms is in both. Absent in races of older versions. */
  arms?: number[][];
  racers: Racer[];
  /** The recorded trainings of these finalists. */
  runs: FinalistRunRecord[];
}

export type Chosen = Pick<FinalistRace, 'trials' | 'arms'>;

/** Returns the current state of the race; undefined before it starts and in studies without finalists. */
export function finalistRace(study: Study<SearchSettings>): FinalistRace | undefined {
  const { finalists, validationImages } = study.settings;
  const result = study.result('finalists');
  if (!finalists || !result) return undefined;
  const { trials, arms } = result;
  const runs = study.finalistRuns.all().filter(({ trial }) => trials.includes(trial));
  const racers = trials.map((trial): Racer => {
    const runsOfTrial = runs.filter((run) => run.trial === trial);
    const accuracies: (number | undefined)[] = [];
    for (const { run, accuracy } of runsOfTrial) accuracies[run - 1] = accuracy ?? undefined;
    return { accuracies: Array.from(accuracies), failed: runsOfTrial.some(({ state }) => state === 'failed') };
  });
  const step = 1 / (validationImages ?? Number.POSITIVE_INFINITY);
  return { ...race(racers, { ...finalists.seeds, step }), trials, ...(arms && { arms }), racers, runs };
}

/**
 * Returns the best trials: the finalists of a finished race in its order, then the others by their children's reward.
 */
export function bestTrials(study: Study<SearchSettings>, count = 1): TrialRecord[] {
  const finished = finalistRace(study);
  const numbers = finished?.end ? ranking(finished.racers, finished).map((place) => finished.trials[place]!) : [];
  const first = numbers.slice(0, count).map((number) => study.trial(number)!);
  const others = study.best(count + numbers.length).filter(({ number }) => !numbers.includes(number));
  return [...first, ...others].slice(0, count);
}

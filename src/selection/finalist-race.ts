// Computes the state of a study's race of finalists from its records, and the order of its best trials.

import type { FinalistRunRecord } from '../study/finalist-runs.ts';
import type { TrialRecord } from '../study/records.ts';
import type { SearchSettings } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import { leads, type Race, type Racer, race, ranking } from './racing.ts';

export interface FinalistRace extends Race {
  /**
   * The finalists' trials, best child first, then known cells that are not among the best. `Race` has their indices
   * here.
   */
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
  const step = stepOf(validationImages);
  return { ...race(racers, { ...finalists.seeds, step }), trials, ...(arms && { arms }), racers, runs };
}

const stepOf = (validationImages = Number.POSITIVE_INFINITY) => 1 / validationImages;

/**
 * Returns the best trials: the known cell that is preferred, the finalists of a finished race in its order, then the
 * others by their children's reward.
 */
export function bestTrials(study: Study<SearchSettings>, count = 1): TrialRecord[] {
  const finished = finalistRace(study);
  const ranked = finished?.end ? ranking(finished.racers, finished).map((place) => finished.trials[place]!) : [];
  const preferred = preferredTrial(study, finished);
  const numbers = preferred === undefined ? ranked : [preferred, ...ranked.filter((trial) => trial !== preferred)];
  const first = numbers.slice(0, count).map((number) => study.trial(number)!);
  const others = study.best(count + numbers.length).filter(({ number }) => !numbers.includes(number));
  return [...first, ...others].slice(0, count);
}

/** Whether the final network of the best trial is trained. */
export function hasFinalNetwork(study: Study<SearchSettings>): boolean {
  const [best] = bestTrials(study);
  return best !== undefined && study.result('final model')?.trial === best.number;
}

/**
 * Returns the known cell that is chosen although another one may be ahead: after a race the best of those that its
 * leader does not surpass, without a race the first one that has a reward. A found cell is selected from many by noisy
 * measurements, which flatters it; a known one is proven (docs/experiments/fidelity.md).
 */
export function preferredTrial(study: Study<SearchSettings>, race: FinalistRace | undefined): number | undefined {
  const { finalists, known, validationImages } = study.settings;
  if (!finalists?.prefersKnown) return undefined;
  const { prefersKnown } = finalists;
  const isKnown = (trial: number) => trial < known.length;
  if (race?.end) {
    const unbeaten = ranking(race.racers, race).filter((place) => race.racing.includes(place));
    const place = unbeaten.find((each) => isKnown(race.trials[each]!));
    if (place === undefined) return undefined;
    const isSurpassed =
      prefersKnown !== true &&
      leads(race.racers, race, place, { confidence: prefersKnown, step: stepOf(validationImages) });
    return isSurpassed ? undefined : race.trials[place];
  }
  return study.result('budget decisions')?.finalists === 0 ? rewardedKnown(study)[0] : undefined;
}

/** Returns the trials of the known cells that have a reward of their own, in the order of the settings. */
export function rewardedKnown(study: Study<SearchSettings>): number[] {
  return study.settings.known.flatMap((_, number) => {
    const trial = study.trial(number);
    return trial && trial.reward !== null && trial.sameAs === null ? [number] : [];
  });
}

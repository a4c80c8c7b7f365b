// How a study remembers the prediction of its children: what it started from and where, and what was learnt; taught again by the
// latest finished children when the search goes on.

import { Candidate } from '../study/candidate.ts';
import { trainingDetails } from '../study/result-schemas.ts';
import type { Laws, PredictionRecord } from '../study/results.ts';
import { rungTrainings } from '../study/rung-trainings.ts';
import type { SearchSettings } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import { startingLaws } from './cost-law.ts';
import { type ImageCounts, keptObservations, Prediction, TrainingTerms } from './prediction.ts';
import { machineName } from './this-machine.ts';

export interface PredictionPlace {
  workers: number;
  /** What the children are trained on. Default 'cpu'. */
  device?: string | undefined;
  /** Replaces what was kept of the start. */
  start?: { laws: Laws; measured: boolean } | undefined;
}

/** The prediction of a study's children where they are trained: with what the study kept and its latest finished children taught. */
export function predictionOf(
  study: Study<SearchSettings>,
  counts: ImageCounts,
  { workers, device = 'cpu', start }: PredictionPlace,
): { prediction: Prediction; record: PredictionRecord } {
  const kept = study.result('prediction');
  const machine = device === 'cpu' ? machineName() : `${machineName()}, ${device}`;
  const same = kept?.machine === machine && kept.workers === workers;
  const begun = start ?? (kept?.machine === machine ? { laws: kept.start, measured: kept.measured } : undefined);
  const { laws, measured } = begun ?? { laws: startingLaws, measured: false };
  const since = same ? kept.since : Date.now();
  const { settings } = study;
  const prediction = new Prediction(new TrainingTerms(settings, settings.child, counts), laws);
  if (same) teach(prediction, study, counts, since);
  return { prediction, record: { machine, workers, since, measured, start: laws, ...learnt(prediction) } };
}

/** By the latest trainings, at whatever rung, that were finished since then, in the order in which they were. */
function teach(prediction: Prediction, study: Study<SearchSettings>, counts: ImageCounts, since: number): void {
  const { settings } = study;
  const terms = rungTrainings(settings).map((training) => new TrainingTerms(settings, training, counts));
  const lowest = study
    .trials({ from: Math.max(0, study.asked - 2 * keptObservations) })
    .filter(({ sameAs }) => sameAs === null)
    .map((trial) => ({ ...trial, trial: trial.number, rung: 0 }));
  const finished = [...lowest, ...study.rungs.all()]
    .filter(({ state, finishedAt }) => state === 'done' && finishedAt! >= since)
    .sort((a, b) => a.finishedAt! - b.finishedAt!);
  for (const { trial, rung, workerSeconds, details } of finished.slice(-2 * keptObservations)) {
    const took = tookOf(workerSeconds!, details);
    if (took) prediction.observe(terms[rung]!.of(new Candidate(study.trial(trial)!.decisions, settings.space)), took);
  }
}

/** Keeps in the study what the prediction has learnt. */
export function keepPrediction(study: Study<object>, record: PredictionRecord, prediction: Prediction): void {
  study.keep('prediction', { ...record, ...learnt(prediction) });
}

function learnt(prediction: Prediction): Pick<PredictionRecord, 'laws' | 'children' | 'error'> {
  return { laws: prediction.laws, children: prediction.children, error: prediction.error };
}

/**
 * What one child took: seconds of its worker, and the bytes that this held at most where it says so. Undefined where its time is not that of
 * one training: it went on from a checkpoint, or had to do earlier rungs again.
 */
export function tookOf(seconds: number, details: unknown): { seconds: number; memory: number | undefined } | undefined {
  const { peakMemory, resumed, continued } = trainingDetails(details);
  if (resumed || continued === false) return undefined;
  return { seconds, memory: peakMemory };
}

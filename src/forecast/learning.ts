// The prediction of a study's children: its initial laws and machine are stored, and it is corrected again by the
// latest finished children when the search is resumed.

import type { Computing } from '../engine/device.ts';
import { Candidate } from '../study/candidate.ts';
import { trainingDetails } from '../study/result-schemas.ts';
import type { Laws, PredictionRecord } from '../study/results.ts';
import type { SearchSettings } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import { startingLaws } from './cost-law.ts';
import { childTerms } from './equal-cost.ts';
import { type ImageCounts, type MeasuredCost, maxObservations, Prediction } from './prediction.ts';
import { machineName } from './this-machine.ts';

export interface PredictionPlace {
  workers: number;
  /** Device and precision of the trainings. Default: float32 on the CPU. */
  computing?: Computing | undefined;
  /** Whether workers of other machines train: then theirs count, whichever machine searches. Default: no. */
  elsewhere?: boolean | undefined;
  /** Replaces the stored initial laws. */
  start?: { laws: Laws; measured: boolean } | undefined;
}

/** Returns the prediction of a study's children on this machine or elsewhere, corrected by its latest finished ones. */
export function predictionOf(
  study: Study<SearchSettings>,
  counts: ImageCounts,
  { workers, computing, elsewhere = false, start }: PredictionPlace,
): { prediction: Prediction; record: PredictionRecord } {
  const stored = study.result('prediction');
  const machine = machineName(computing);
  const same = stored?.machine === machine && stored.workers === workers;
  const initial =
    start ?? (stored?.machine === machine ? { laws: stored.start, measured: stored.measured } : undefined);
  const { laws, measured } = initial ?? { laws: startingLaws, measured: false };
  const since = same ? stored.since : Date.now();
  const prediction = new Prediction(laws);
  if (same || elsewhere) teach(prediction, study, counts, elsewhere ? { elsewhere } : { since });
  return { prediction, record: { machine, workers, since, measured, start: laws, ...resultOf(prediction) } };
}

/** Corrects the prediction by the latest trainings of all rungs that count, in the order in which they finished. */
function teach(
  prediction: Prediction,
  study: Study<SearchSettings>,
  counts: ImageCounts,
  which: { elsewhere: true } | { since: number },
): void {
  const { settings } = study;
  const terms = childTerms(settings, counts);
  const lowest = study
    .trials({ from: Math.max(0, study.asked - 2 * maxObservations) })
    .filter(({ sameAs }) => sameAs === null)
    .map((trial) => ({ ...trial, trial: trial.number, rung: 0 }));
  const finished = [...lowest, ...study.rungs.all()]
    .filter(({ state, finishedAt, details }) => {
      if (state !== 'done') return false;
      const here = trainingDetails(details).machine === undefined;
      return 'since' in which ? here && finishedAt! >= which.since : !here;
    })
    .sort((a, b) => a.finishedAt! - b.finishedAt!);
  for (const { trial, rung, workerSeconds, details } of finished.slice(-2 * maxObservations)) {
    const cost = measuredCost(workerSeconds!, details);
    if (cost) prediction.observe(terms[rung]!(new Candidate(study.trial(trial)!.decisions, settings.space)), cost);
  }
}

/** Stores the corrected prediction in the study. */
export function storePrediction(study: Study<object>, record: PredictionRecord, prediction: Prediction): void {
  study.keep('prediction', { ...record, ...resultOf(prediction) });
}

function resultOf(prediction: Prediction): Pick<PredictionRecord, 'laws' | 'children' | 'error' | 'kinds'> {
  const { laws, children, error, kinds } = prediction;
  return { laws, children, error, ...(kinds && { kinds }) };
}

/**
 * Returns the measured cost of a child: seconds, and peak bytes and machine if they are known. Undefined if the time is
 * not that of one training: it resumed from a checkpoint or repeated earlier rungs.
 */
export function measuredCost(seconds: number, details: unknown): MeasuredCost | undefined {
  const { peakMemory, resumed, continued, machine } = trainingDetails(details);
  if (resumed || continued === false) return undefined;
  return { seconds, memory: peakMemory, machine };
}

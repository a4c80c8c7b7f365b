// Reads and keeps the results of a study (results.ts).

import type { StudyRecords } from './records.ts';
import type { FinalLatency, FinalModel, PredictionRecord } from './results.ts';
import type { Study } from './study.ts';

const finalModelName = 'final model';

export function readFinalModel(study: StudyRecords): FinalModel | undefined {
  return study.result(finalModelName);
}

export function keepFinalModel(study: Study<object>, model: FinalModel): void {
  study.keep(finalModelName, model);
}

export const finalLatencyName = 'final latency';

export function readFinalLatency(study: StudyRecords): FinalLatency | undefined {
  return study.result(finalLatencyName);
}

export const predictionName = 'prediction';

/** What a study keeps of its prediction; undefined before it began to search, and in older studies. */
export function keptPrediction(study: StudyRecords): PredictionRecord | undefined {
  return study.result(predictionName);
}

// Forecasts the rest of a study's search on this machine, and the number of workers that its memory allows.

import type { PredictionRecord } from '../study/results.ts';
import type { SearchSettings } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import type { SearchEstimate } from './estimate.ts';
import { predictionOf } from './learning.ts';
import type { ImageCounts, Prediction } from './prediction.ts';
import { estimateFitting, type Start, startOf } from './start.ts';

export interface ForecastOptions {
  counts: ImageCounts;
  /** The target number of trials. */
  trials: number;
  workers: number;
  /** Whether the user set the number of workers. */
  asked: boolean;
  /** Device of the children: 'cpu', 'cuda:0' … Default 'cpu'. */
  device?: string;
  /** The initial prediction of a new search. */
  start?: Start | undefined;
  /** Whether to measure an unknown machine also for a short search. */
  always?: boolean;
}

export interface Forecast {
  prediction: Prediction;
  record: PredictionRecord;
  /** Number of trials without an outcome. */
  left: number;
  estimate: SearchEstimate;
  /** The number of workers: as requested, or as many as fit. */
  workers: number;
  /** Why it differs from the requested number, or which risk it has. */
  warning?: string;
}

/** @param note called before this machine is measured, which takes some seconds */
export async function forecastOf(
  study: Study<SearchSettings>,
  { counts, trials, workers, asked, device = 'cpu', start, always = false }: ForecastOptions,
  note: (line: string) => void,
): Promise<Forecast> {
  const { done, failed } = study.summary().trials;
  const left = Math.max(0, trials - done - failed);
  const searching = { settings: study.settings, counts, trials: left, workers, device };
  let known = predictionOf(study, counts, { workers, device, start });
  if (!start && left > 0 && known.prediction.children === 0 && !known.record.measured)
    known = predictionOf(study, counts, { workers, device, start: await startOf(searching, always, note) });
  return { ...known, left, ...estimateFitting(searching, known.prediction.laws, asked) };
}

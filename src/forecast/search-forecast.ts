// What a study's search will still take where it is about to run, and how many workers its memory allows there.

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
  /** Whether the user asked for so many workers. */
  asked: boolean;
  /** Where the children are trained: 'cpu', 'cuda:0' … Default 'cpu'. */
  device?: string;
  /** Of a search that begins: where its predictions start. */
  start?: Start | undefined;
  /** Whether this machine is measured for a short search too, where nothing is known of it. */
  always?: boolean;
}

export interface Forecast {
  prediction: Prediction;
  record: PredictionRecord;
  /** Of the trials that have no outcome yet. */
  left: number;
  estimate: SearchEstimate;
  /** As many as were wanted, or as fit. */
  workers: number;
  /** Why they are not as many as were wanted, or what may come of them. */
  warning?: string;
}

/** @param note is told before this machine is measured, which takes some seconds */
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

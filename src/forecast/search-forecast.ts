// What a study's search will still take where it is about to run, and how many workers its memory allows there.

import type { PredictionRecord } from '../study/results.ts';
import type { SearchSettings } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import type { BudgetPlan } from './budget.ts';
import { plannedSettings } from './budget-costs.ts';
import type { SearchEstimate } from './estimate.ts';
import { predictionOf } from './learning.ts';
import { planLeft } from './planned-search.ts';
import type { ImageCounts, Prediction } from './prediction.ts';
import { estimateFitting, type Start, startOf } from './start.ts';

export interface ForecastOptions {
  counts: ImageCounts;
  /** The target number of trials. Absent: what is planned by the study's budget, or stated in its settings. */
  trials?: number | undefined;
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
  /** The target number of trials; with a budget the one that is planned now. */
  trials: number;
  /** With a budget that decides the number of trials. */
  plan?: BudgetPlan;
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
  { counts, trials: stated, workers, asked, device = 'cpu', start, always = false }: ForecastOptions,
  note: (line: string) => void,
): Promise<Forecast> {
  const { done, failed } = study.summary().trials;
  const { settings } = study;
  const finished = done + failed;
  const least = stated ?? Math.max(settings.trials, study.asked);
  const searching = { settings, counts, trials: Math.max(0, least - finished), workers, device };
  let known = predictionOf(study, counts, { workers, device, start });
  if (!start && searching.trials > 0 && known.prediction.children === 0 && !known.record.measured)
    known = predictionOf(study, counts, { workers, device, start: await startOf(searching, always, note) });
  const { laws } = known.prediction;
  const plan = stated === undefined ? planLeft(study, searching, laws) : undefined;
  const trials = plan?.children ?? least;
  const left = Math.max(0, trials - finished);
  const planned = { ...searching, trials: left, settings: plan ? plannedSettings(settings, plan) : settings };
  return { ...known, trials, ...(plan && { plan }), left, ...estimateFitting(planned, laws, asked) };
}

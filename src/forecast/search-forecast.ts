// Forecasts the rest of a study's search on this machine, and the number of workers that its memory allows.

import { type Computing, onCpu } from '../engine/device.ts';
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
  /** The target number of trials. Absent: that of the study's budget plan or settings. */
  trials?: number | undefined;
  workers: number;
  /** Whether the user set the number of workers. */
  isRequested: boolean;
  /** Device and precision of the children. Default: float32 on the CPU. */
  computing?: Computing;
  /** Whether workers of other machines train. Default: no. */
  elsewhere?: boolean;
  /** The initial prediction of a new search. */
  start?: Start | undefined;
  /** Whether to measure an unknown machine also for a short search. */
  always?: boolean;
}

export interface Forecast {
  /** The target number of trials; with a budget the number of the current plan. */
  trials: number;
  /** The plan if a budget determines the number of trials. */
  plan?: BudgetPlan;
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

/**
 * Returns the forecast of a study's search.
 * @param note called before this machine is measured, which takes some seconds
 */
export async function forecastOf(
  study: Study<SearchSettings>,
  {
    counts,
    trials: stated,
    workers,
    isRequested,
    computing = onCpu,
    elsewhere = false,
    start,
    always = false,
  }: ForecastOptions,
  note: (line: string) => void,
): Promise<Forecast> {
  const { done, failed } = study.summary().trials;
  const { settings } = study;
  const finished = done + failed;
  const least = stated ?? Math.max(settings.trials, study.asked);
  const searching = { settings, counts, trials: Math.max(0, least - finished), workers, computing };
  const place = { workers, computing, elsewhere };
  let known = predictionOf(study, counts, { ...place, start });
  if (!start && searching.trials > 0 && known.prediction.children === 0 && !known.record.measured)
    known = predictionOf(study, counts, { ...place, start: await startOf(searching, always, note) });
  const { laws } = known.prediction;
  const plan = stated === undefined ? planLeft(study, searching, laws) : undefined;
  const trials = plan?.children ?? least;
  const left = Math.max(0, trials - finished);
  const planned = { ...searching, trials: left, settings: plan ? plannedSettings(settings, plan) : settings };
  return { ...known, trials, ...(plan && { plan }), left, ...estimateFitting(planned, laws, isRequested) };
}

// The forecast of `nasnet search` before it starts: training speed of this machine, duration of the search, and the
// number of workers that memory allows.

import { availableParallelism } from 'node:os';
import type { DatasetFiles } from '../data/dataset-files.ts';
import { type Computing, cpu, onCpu } from '../engine/device.ts';
import type { Candidate } from '../study/candidate.ts';
import type { Laws } from '../study/results.ts';
import type { SearchSettings } from '../study/settings.ts';
import { bytesWords } from '../words.ts';
import { startingLaws } from './cost-law.ts';
import { type CostOptions, estimateSearch, type SearchEstimate } from './estimate.ts';
import { limitCheck } from './limits.ts';
import { memoryLeft, workersThatFit } from './machine-memory.ts';
import type { ImageCounts } from './prediction.ts';
import { measureLaws } from './probe.ts';

/** The initial prediction: the default laws, or those measured on this machine. */
export interface Start {
  laws: Laws;
  measured: boolean;
  /** Duration of the measurement, which counts for the budget. */
  seconds?: number;
}

export interface Searching {
  settings: SearchSettings;
  counts: ImageCounts;
  /** Number of children that are not trained yet. */
  trials: number;
  workers: number;
  /** Device and precision of the children. Default: float32 on the CPU. Only the CPU is measured. */
  computing?: Computing;
}

/** Minimum expected seconds of a search for which the machine is measured. */
const worthMeasuring = 240;

/**
 * Returns the initial prediction, measured on this machine if the search is long enough or has a budget.
 * @param always whether to measure also for a short search
 * @param note called before the measurement
 */
export async function startOf(searching: Searching, always: boolean, note: (line: string) => void): Promise<Start> {
  const { settings, counts, workers, computing = onCpu } = searching;
  const stated = { laws: startingLaws, measured: false };
  if (computing.device !== cpu) return stated;
  const expected = estimateOf(searching, stated.laws);
  const { budget } = settings; // its plan needs the measurement
  if (!always && !budget && expected.seconds.most < worthMeasuring) return stated;
  note('Measuring for some seconds how fast this machine trains such children …');
  const fitting = workersThatFit(workers, expected.memory, memoryLeft());
  const whole = { workers: fitting, computing, expected: budget?.seconds ?? expected.seconds.most };
  const startedAt = performance.now();
  const laws = await measureLaws(settings, counts, whole);
  const seconds = (performance.now() - startedAt) / 1000;
  return laws ? { laws, measured: true, seconds } : { ...stated, seconds };
}

export function estimateOf(searching: Searching, laws: Laws): SearchEstimate {
  return estimateSearch({ ...costOptions(searching, laws), trials: searching.trials });
}

export function costOptions({ settings, counts, workers }: Omit<Searching, 'trials'>, laws: Laws): CostOptions {
  const check = settings.limits && limitCheck(settings.limits, settings, counts);
  const accepts = check && ((candidate: Candidate) => check(candidate) === undefined);
  return { settings, counts, laws, workers, threads: availableParallelism(), accepts };
}

/**
 * Estimates a search with the requested number of workers, or as many as memory allows; device-workers.ts does so for
 * GPUs.
 */
export function estimateFitting(searching: Searching, laws: Laws, isRequested: boolean) {
  const { workers: wanted, computing = onCpu } = searching;
  const first = estimateOf(searching, laws);
  const { workers, warning } =
    computing.device === cpu ? workersFor(wanted, isRequested, first.memory) : { workers: wanted };
  const estimate = workers === wanted ? first : estimateOf({ ...searching, workers }, laws);
  return { workers, ...(warning && { warning }), estimate };
}

export const countsOf = ({ train, test, classes }: DatasetFiles): ImageCounts => {
  return { images: train.count, classes: classes.length, test: test.count };
};

/** Returns the number of workers to start, and a warning if it differs from the requested number or is risky. */
export function workersFor(
  wanted: number,
  isRequested: boolean,
  bytesEach: number,
  left = memoryLeft(),
): { workers: number; warning?: string } {
  const fitting = workersThatFit(wanted, bytesEach, left);
  if (fitting === wanted && wanted * bytesEach <= left) return { workers: wanted };
  const has = `this machine has ${bytesWords(left)} left`;
  const holds =
    wanted === 1
      ? `One worker may hold up to ${bytesWords(bytesEach)}`
      : `Each of ${wanted} workers may hold up to ${bytesWords(bytesEach)}`;
  if (fitting === wanted) return { workers: wanted, warning: `${holds} and ${has}: it may be killed for memory.` };
  if (isRequested)
    return {
      workers: wanted,
      warning: `${holds} and ${has}: some may be killed for memory; ${fitting} would fit.`,
    };
  return { workers: fitting, warning: `${holds} and ${has}: ${fitting} at a time in place of ${wanted}.` };
}

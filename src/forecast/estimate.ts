// What a whole search takes, before it starts: its children, finalists and final network, in seconds of waiting and bytes a worker.
// Arithmetic over predictions of some random cells; nothing is trained or measured here.

import { quantile, sum } from '../statistics/order.ts';
import type { Candidate } from '../study/candidate.ts';
import type { Laws } from '../study/results.ts';
import type { SearchSettings, Training } from '../study/settings.ts';
import { leftBehind } from './cost-law.ts';
import { type Cost, type ImageCounts, TrainingTerms } from './prediction.ts';
import { randomCells } from './random-cells.ts';

/** From the cheap to the dear: 5% are below `low`, 5% above `high`. */
export interface Range {
  low: number;
  mean: number;
  high: number;
}

export interface SearchEstimate {
  workers: number;
  /** Those that are still to be trained. */
  children: { count: number; each: Range; seconds: number };
  /** Of a ladder: how many trainings above the lowest rung come of those, each from the start where it takes no weights. */
  ladder?: { trainings: number; seconds: number };
  /** Trainings at least and at most: a race ends when its order is clear. */
  finalists?: { count: number; trainings: { least: number; most: number }; each: Range; seconds: Span };
  final: { seconds: number };
  /** All of it, and the starts of workers. */
  seconds: Span;
  /** Bytes that one worker holds at most: 95% of the children are below, and what earlier ones left behind. */
  memory: number;
}

export interface Span {
  least: number;
  most: number;
}

export interface EstimateOptions {
  settings: SearchSettings;
  counts: ImageCounts;
  laws: Laws;
  /** Children that are still to be trained. */
  trials: number;
  workers: number;
  /** Cores, and threads of the final training, which is alone. */
  threads: number;
  /** Which cells the search may propose. */
  accepts?: ((candidate: Candidate) => boolean) | undefined;
}

/** Until worker processes have loaded libtorch: once for the children, the finalists and the final network. */
const startSeconds = 2;

/** What every thread of the final training beyond the first adds, in threads: assumed (docs/paper.md). */
const threadYield = 0.6;

export function estimateSearch(options: EstimateOptions): SearchEstimate {
  const { settings, trials, workers, threads, accepts } = options;
  const cells = randomCells(settings, accepts);
  const child = costs(settings.child, cells, options);
  const children = { count: trials, each: child.seconds, seconds: waiting(trials, child.seconds.mean, workers) };
  const { ladder, finalists, final } = settings;
  const climb = ladder && ladderEstimate(ladder, cells, options);
  const race = finalists && raceEstimate(finalists, cells, options);
  const crowding = Math.max(1, workers / threads); // the laws are of workers that share the cores
  const last = costs(final, cells, options).seconds.mean / crowding / (1 + threadYield * (threads - 1));
  const starts = (finalists ? 3 : 2) * startSeconds;
  const rest = starts + children.seconds + (climb?.seconds ?? 0) + last;
  return {
    workers,
    children,
    ...(climb && { ladder: climb }),
    ...(race && { finalists: race }),
    final: { seconds: last },
    seconds: { least: rest + (race?.seconds.least ?? 0), most: rest + (race?.seconds.most ?? 0) },
    memory:
      leftBehind + Math.max(child.memory, ...(ladder?.rungs ?? []).map((rung) => costs(rung, cells, options).memory)),
  };
}

/** How long workers need for so many trainings: they share them, and the last one is waited for. */
export function waiting(count: number, each: number, workers: number): number {
  return count === 0 ? 0 : Math.max(each, (count * each) / workers);
}

/** Of those that finish a rung, 1/η go up, and of the others a share by lot. */
function ladderEstimate(
  { rungs, reduction, randomShare }: NonNullable<SearchSettings['ladder']>,
  cells: readonly Candidate[],
  options: EstimateOptions,
): NonNullable<SearchEstimate['ladder']> {
  const goesUp = 1 / reduction + randomShare * (1 - 1 / reduction);
  const trainings = rungs.map((_, index) => options.trials * goesUp ** (index + 1));
  const work = rungs.map((training, index) => trainings[index]! * costs(training, cells, options).seconds.mean);
  return { trainings: Math.round(sum(trainings)), seconds: sum(work) / options.workers };
}

function raceEstimate(
  { count, seeds, training }: NonNullable<SearchSettings['finalists']>,
  cells: readonly Candidate[],
  options: EstimateOptions,
): NonNullable<SearchEstimate['finalists']> {
  const each = costs(training, cells, options).seconds;
  const trainings = { least: count * seeds.least, most: count * seeds.most };
  const seconds = {
    least: waiting(trainings.least, each.mean, options.workers),
    most: waiting(trainings.most, each.mean, options.workers),
  };
  return { count, trainings, each, seconds };
}

function costs(training: Training, cells: readonly Candidate[], { settings, counts, laws }: EstimateOptions) {
  const terms = new TrainingTerms(settings, training, counts);
  const all: Cost[] = cells.map((candidate) => terms.cost(candidate, laws));
  return {
    seconds: rangeOf(all.map(({ seconds }) => seconds)),
    memory: quantile(
      all.map(({ memory }) => memory),
      0.95,
    ),
  };
}

function rangeOf(values: readonly number[]): Range {
  return { low: quantile(values, 0.05), mean: sum(values) / values.length, high: quantile(values, 0.95) };
}

// Estimates a whole search before it starts: wall-clock seconds of children, finalists and final network, and bytes per
// worker. It uses predictions of random cells; nothing is trained or measured.

import { armCount } from '../search/arms-strategy.ts';
import { quantile, sum } from '../statistics/order.ts';
import type { Candidate } from '../study/candidate.ts';
import type { Laws } from '../study/results.ts';
import type { SearchSettings } from '../study/settings.ts';
import { budgetRule } from './budget.ts';
import { leftBehind } from './cost-law.ts';
import { childTerms, finalistTraining, type TermsOf, termsIn } from './equal-cost.ts';
import { type Cost, costOf, type ImageCounts } from './prediction.ts';
import { finalCells, randomCells } from './random-cells.ts';

/** A range of costs: 5% are below `low`, 5% above `high`. */
export interface Range {
  low: number;
  mean: number;
  high: number;
}

export interface SearchEstimate {
  workers: number;
  /** The children that are not trained yet. */
  children: { count: number; each: Range; seconds: number };
  /** With a ladder: the trainings of these children above the lowest rung. */
  ladder?: { trainings: number; seconds: number };
  /** Minimum and maximum number of trainings: a race ends when its order is clear. */
  finalists?: { count: number; trainings: { least: number; most: number }; each: Range; seconds: Span };
  final: { seconds: number };
  /** The total, including the start of workers. */
  seconds: Span;
  /** Peak bytes of one worker: the 95th percentile of children, and heap growth of earlier ones. */
  memory: number;
}

export interface Span {
  least: number;
  most: number;
}

export interface CostOptions {
  settings: SearchSettings;
  counts: ImageCounts;
  laws: Laws;
  workers: number;
  /** Number of cores, and of threads of the final training. */
  threads: number;
  /** Whether the search may propose a cell. */
  accepts?: ((candidate: Candidate) => boolean) | undefined;
}

export interface EstimateOptions extends CostOptions {
  /** Number of children that are not trained yet. */
  trials: number;
}

/** Seconds until worker processes have loaded libtorch, for each of children, finalists and final network. */
const startSeconds = budgetRule.start;

/** Assumed speed-up of each further thread of the final training, in threads (docs/paper.md). */
const threadYield = 0.6;

/** Returns the estimate of the children, over these cells, at all rungs. */
export function estimateChildren(
  cells: readonly Candidate[],
  options: EstimateOptions,
): Pick<SearchEstimate, 'children' | 'ladder' | 'memory'> {
  const { settings, counts, trials, workers } = options;
  const [child, ...above] = childTerms(settings, counts).map((termsOf) => costs(termsOf, cells, options));
  const { seconds: each, memory } = child!;
  return {
    children: { count: trials, each, seconds: waiting(trials, each.mean, workers) },
    ...(settings.ladder && { ladder: ladderEstimate(settings.ladder, above, options) }),
    memory: leftBehind + Math.max(memory, ...above.map((rung) => rung.memory)),
  };
}

/** Returns the estimate of a search. */
export function estimateSearch(options: EstimateOptions): SearchEstimate {
  const { settings, workers, accepts } = options;
  const cells = randomCells(settings, accepts);
  const { children, ladder, memory } = estimateChildren(cells, options);
  const { final } = settings;
  const finalists = settings.finalists?.count ? settings.finalists : undefined;
  const race = finalists && raceEstimate(finalists, cells, options);
  const inFinal = termsIn(() => final, settings, options.counts);
  const last = onAllThreads(costs(inFinal, finalCells(settings, cells, accepts), options).seconds.mean, options);
  const starts = (finalists ? 3 : 2) * startSeconds;
  const rest = starts + children.seconds + (ladder?.seconds ?? 0) + last;
  return {
    workers,
    children,
    ...(ladder && { ladder }),
    ...(race && { finalists: race }),
    final: { seconds: last },
    seconds: { least: rest + (race?.seconds.least ?? 0), most: rest + (race?.seconds.most ?? 0) },
    memory,
  };
}

/**
 * Returns the seconds of a training that is alone and uses all threads.
 * @param seconds its predicted seconds on one thread
 */
export function onAllThreads(seconds: number, { workers, threads }: Pick<CostOptions, 'workers' | 'threads'>): number {
  const crowding = Math.max(1, workers / threads); // the laws apply to workers that share the cores
  return seconds / crowding / (1 + threadYield * (threads - 1));
}

/** Returns the wall-clock seconds of `count` trainings on `workers` workers, including the wait for the last one. */
export function waiting(count: number, each: number, workers: number): number {
  return count === 0 ? 0 : Math.max(each, (count * each) / workers);
}

/** Estimates a ladder: 1/η of the children that finish a rung are promoted, and a share of the others at random. */
function ladderEstimate(
  { reduction, randomShare }: NonNullable<SearchSettings['ladder']>,
  rungs: readonly TrainingCosts[],
  options: EstimateOptions,
): NonNullable<SearchEstimate['ladder']> {
  const promotedShare = 1 / reduction + randomShare * (1 - 1 / reduction);
  const trainings = rungs.map((_, index) => options.trials * promotedShare ** (index + 1));
  const work = rungs.map(({ seconds }, index) => trainings[index]! * seconds.mean);
  return { trainings: Math.round(sum(trainings)), seconds: sum(work) / options.workers };
}

function raceEstimate(
  { count, seeds }: NonNullable<SearchSettings['finalists']>,
  cells: readonly Candidate[],
  options: EstimateOptions,
): NonNullable<SearchEstimate['finalists']> {
  const { settings, counts } = options;
  const racing = count * armCount(settings.strategy);
  const { seconds: each } = costs(termsIn(finalistTraining(settings, counts), settings, counts), cells, options);
  const trainings = { least: racing * seeds.least, most: racing * seeds.most };
  const seconds = {
    least: waiting(trainings.least, each.mean, options.workers),
    most: waiting(trainings.most, each.mean, options.workers),
  };
  return { count: racing, trainings, each, seconds };
}

/** The costs of a training over random cells. */
interface TrainingCosts {
  seconds: Range;
  /** Quantile of 95%. */
  memory: number;
}

function costs(termsOf: TermsOf, cells: readonly Candidate[], { laws }: EstimateOptions): TrainingCosts {
  const all: Cost[] = cells.map((candidate) => costOf(termsOf(candidate), laws));
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

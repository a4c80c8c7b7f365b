// Computes the paper's Figure 6 for studies: validation accuracy of the best unique models against architectures
// sampled, for each strategy, with bootstrap intervals, and a sentence for each pair of strategies.
// search-progress-chart.ts draws.

import { RandomStream } from '../../random/stream.ts';
import { interval } from '../../statistics/bootstrap.ts';
import { mean } from '../../statistics/order.ts';
import { whole } from '../../words.ts';
import { type SearchRun, topMeans, uniqueModels } from './search-runs.ts';

/** The paper's curves: the best model, the mean of the 5 and of the 25 best. */
const topCounts = [1, 5, 25] as const;

export interface CurvePoint {
  /** Architectures sampled. */
  sampled: number;
  /** Mean over the strategy's runs of the mean reward of its best models. */
  mean: number;
  /** The 95% interval. */
  low: number;
  high: number;
}

export interface Curve {
  strategy: string;
  runs: number;
  top: number;
  points: CurvePoint[];
}

export interface Comparison {
  better: string;
  worse: string;
  top: number;
  sampled: number;
  /** Difference of the means of the best models' rewards, 0 or more. */
  ahead: number;
  /** Half the width of its 95% interval. */
  uncertainty: number;
}

export interface Figure6 {
  curves: Curve[];
  /**
   * Every pair of strategies for each number of best models, after as many samples as all runs have; empty for fewer
   * than 20.
   */
  comparisons: Comparison[];
}

export interface Bootstrap {
  resamples?: number;
  seed?: number | string;
}

const pointsPerCurve = 60;
const minimumSamples = 20; // an interval from fewer samples is meaningless

/**
 * Computes curves and comparisons. The bootstrap resamples the models of each run (with Poisson weights) and, if a
 * strategy has several runs, the runs. It measures how far chance in sampling and training could have moved a curve.
 * The bias of the best of many noisy measurements (the winner's curse) is the same in all curves and not part of the
 * interval.
 */
export function figure6(runs: readonly SearchRun[], { resamples = 400, seed = 1 }: Bootstrap = {}): Figure6 {
  const strategies = [...new Set(runs.map(({ strategy }) => strategy))];
  const groups = strategies.map((strategy) => runs.filter((run) => run.strategy === strategy));
  const shortest = Math.min(...runs.map(({ samples }) => samples.length));
  const random = new RandomStream(seed);
  const curves: Curve[] = [];
  const ends = new Map<string, Estimate>();
  groups.forEach((group, index) => {
    const longest = Math.min(...group.map(({ samples }) => samples.length));
    const after = grid(longest, shortest);
    for (const top of topCounts) {
      const strategy = strategies[index]!;
      const estimates = estimate(group, top, after, resamples, random.split(`${strategy} ${top}`));
      const points = after.flatMap((sampled, place) => {
        const { mean, replicates } = estimates[place]!;
        if (Number.isNaN(mean)) return [];
        const [low, high] = interval(replicates);
        return [{ sampled, mean, low: mean + low, high: mean + high }];
      });
      curves.push({ strategy, runs: group.length, top, points });
      ends.set(`${strategy} ${top}`, estimates[after.indexOf(shortest)]!);
    }
  });
  return { curves, comparisons: shortest < minimumSamples ? [] : compareAll(strategies, shortest, ends) };
}

interface Estimate {
  mean: number;
  /** Bootstrap replicates minus their mean. */
  replicates: number[];
}

/** Returns evenly spaced numbers of samples, including the shortest run's length. */
function grid(longest: number, shortest: number): number[] {
  const step = Math.max(1, longest / pointsPerCurve);
  const even = Array.from({ length: Math.floor(longest / step) }, (_, index) => Math.round((index + 1) * step));
  return [...new Set([...even, shortest, longest])].sort((a, b) => a - b);
}

function estimate(
  group: readonly SearchRun[],
  top: number,
  after: readonly number[],
  resamples: number,
  random: RandomStream,
): Estimate[] {
  const meansOf = (curves: number[][]) => after.map((_, place) => mean(curves.map((curve) => curve[place]!)));
  const unique = group.map(({ samples }) => uniqueModels(samples));
  const means = (place: number, weights?: readonly number[]) =>
    topMeans(group[place]!.samples, top, after, weights, unique[place]);
  const truth = meansOf(group.map((_, place) => means(place)));
  const resampled = Array.from({ length: resamples }, () =>
    meansOf(
      group.map((_, place) => {
        const run = group.length > 1 ? random.integer(group.length) : place;
        return means(
          run,
          unique[run]!.map(() => poisson(random)),
        );
      }),
    ),
  );
  return truth.map((value, place) => {
    const values = resampled.map((curve) => curve[place]!).filter((replicate) => !Number.isNaN(replicate));
    const centre = mean(values);
    return { mean: value, replicates: values.map((replicate) => replicate - centre) };
  });
}

function compareAll(strategies: readonly string[], sampled: number, ends: Map<string, Estimate>): Comparison[] {
  return topCounts.flatMap((top) =>
    strategies.flatMap((first, index) =>
      strategies.slice(index + 1).flatMap((second) => {
        const [a, b] = [ends.get(`${first} ${top}`)!, ends.get(`${second} ${top}`)!];
        if (Number.isNaN(a.mean) || Number.isNaN(b.mean)) return [];
        const count = Math.min(a.replicates.length, b.replicates.length);
        const differences = Array.from({ length: count }, (_, place) => a.replicates[place]! - b.replicates[place]!);
        const [low, high] = interval(differences);
        const [better, worse] = a.mean >= b.mean ? [first, second] : [second, first];
        const ahead = Math.abs(a.mean - b.mean);
        return [{ better, worse, top, sampled, ahead, uncertainty: (high - low) / 2 }];
      }),
    ),
  );
}

/** Returns "After 1,500 architectures ppo's top 5 is ahead of random's by 0.60 ± 0.30 points." */
export function comparisonSentence({ better, worse, top, sampled, ahead, uncertainty }: Comparison): string {
  const points = `${(100 * ahead).toFixed(2)} ± ${(100 * uncertainty).toFixed(2)} points`;
  const best = top === 1 ? 'best model' : `top ${top}`;
  return ahead > uncertainty
    ? `After ${whole(sampled)} architectures ${better}'s ${best} is ahead of ${worse}'s by ${points}.`
    : `After ${whole(sampled)} architectures no difference shows between ${better}'s ${best} and ${worse}'s: ${points}.`;
}

/** Returns CSV with one line per point. */
export function figure6Csv({ curves }: Figure6): string {
  const rows = curves.flatMap(({ strategy, runs, top, points }) =>
    points.map(({ sampled, mean: value, low, high }) => [strategy, runs, top, sampled, value, low, high].join(',')),
  );
  return `${['strategy,runs,top,sampled,validation_accuracy,low,high', ...rows].join('\n')}\n`;
}

/** Returns a Poisson distributed number with mean 1 (Knuth). */
function poisson(random: RandomStream): number {
  let product = random.uniform();
  let count = 0;
  for (; product > Math.exp(-1); count++) product *= random.uniform();
  return count;
}

// Many timings of the same thing as a few numbers that one slow run does not move.

import { quantile } from '../statistics/order.ts';

export interface Summary {
  runs: number;
  /** All in milliseconds. */
  median: number;
  fastest: number;
  /** Half of the runs took between these two. */
  lowerQuartile: number;
  upperQuartile: number;
}

/** @param milliseconds of each run, at least one */
export function summarise(milliseconds: readonly number[]): Summary {
  const sorted = [...milliseconds].sort((a, b) => a - b);
  return {
    runs: sorted.length,
    median: quantile(sorted, 0.5),
    fastest: sorted[0]!,
    lowerQuartile: quantile(sorted, 0.25),
    upperQuartile: quantile(sorted, 0.75),
  };
}

/**
 * How far the median may be from that of endlessly many runs, as a share of it: half the width of its 95% confidence interval,
 * which is between the sorted runs n/2 ± 0.98 √n and assumes nothing about their distribution. Infinite below 6 runs, which have
 * no such interval.
 */
export function medianUncertainty(milliseconds: readonly number[]): number {
  const count = milliseconds.length;
  if (count < 6) return Number.POSITIVE_INFINITY;
  const sorted = [...milliseconds].sort((a, b) => a - b);
  const reach = 0.98 * Math.sqrt(count);
  const lower = sorted[Math.max(0, Math.floor(count / 2 - reach))]!;
  const upper = sorted[Math.min(count - 1, Math.ceil(count / 2 + reach) - 1)]!;
  return (upper - lower) / 2 / quantile(sorted, 0.5);
}

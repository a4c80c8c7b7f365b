// Summarises repeated timings in a few numbers that single slow runs do not affect.

import { quantile } from '../statistics/order.ts';

export interface Summary {
  runs: number;
  /** All times are in milliseconds. */
  median: number;
  fastest: number;
  /** Half of the runs lie between the two quartiles. */
  lowerQuartile: number;
  upperQuartile: number;
}

/** Summarises timings. @param milliseconds one per run, at least one */
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
 * Returns the relative uncertainty of the median: half the width of its 95% confidence interval divided by the median.
 * The interval lies between the sorted runs n/2 ± 0.98 √n and assumes nothing about their distribution. Infinite for
 * fewer than 6 runs, for which no such interval exists.
 */
export function medianUncertainty(milliseconds: readonly number[]): number {
  const count = milliseconds.length;
  if (count < 6) return Number.POSITIVE_INFINITY;
  const sorted = [...milliseconds].sort((a, b) => a - b);
  const halfWidth = 0.98 * Math.sqrt(count);
  const lower = sorted[Math.max(0, Math.floor(count / 2 - halfWidth))]!;
  const upper = sorted[Math.min(count - 1, Math.ceil(count / 2 + halfWidth) - 1)]!;
  return (upper - lower) / 2 / quantile(sorted, 0.5);
}

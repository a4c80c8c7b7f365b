// The percentile interval of bootstrap results.

/** Returns the 2.5% and 97.5% quantiles, a 95% interval. */
export function interval(values: readonly number[]): [low: number, high: number] {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return [at(0.025), at(0.975)];
}

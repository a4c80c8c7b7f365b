// Sums, means and quantiles of numbers.

export const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);

export function median(numbers: readonly number[]): number {
  return quantile(numbers, 0.5);
}

/** Interpolates linearly between neighbours. Takes at least one number, in any order. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
  return below + (place - Math.floor(place)) * (above - below);
}

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Returns the mean of the middle half of the numbers, which outliers do not change. */
export function middleMean(values: readonly number[]): number {
  const quarter = Math.floor(values.length / 4);
  return mean([...values].sort((a, b) => a - b).slice(quarter, values.length - quarter));
}

// Correlations between measurements of the same cells, and what of them is left at an equal third quantity.

import { mean } from '../src/statistics/order.ts';

const centred = (values: readonly number[]): number[] => {
  const middle = mean(values);
  return values.map((value) => value - middle);
};

const dot = (one: readonly number[], other: readonly number[]): number =>
  one.reduce((sum, value, index) => sum + value * other[index]!, 0);

/** Pearson's correlation. */
export function correlation(one: readonly number[], other: readonly number[]): number {
  const [a, b] = [centred(one), centred(other)];
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

/** The correlation of what a linear regression on `known` leaves unexplained of both. */
export function partialCorrelation(one: readonly number[], other: readonly number[], known: readonly number[]): number {
  const by = centred(known);
  const rest = (values: readonly number[]) => {
    const own = centred(values);
    const slope = dot(own, by) / dot(by, by);
    return own.map((value, index) => value - slope * by[index]!);
  };
  return correlation(rest(one), rest(other));
}

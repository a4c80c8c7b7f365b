// The coefficients of a law (forecast/cost-law.ts) from what was observed: a robust regression on relative errors that leaves what it
// starts from only as far as the observations outweigh their scatter.

import { median, sum } from './order.ts';

/** Σ coefficient × term. */
export type Coefficients = readonly number[];

export interface Observation {
  terms: readonly number[];
  /** What it took: above 0. */
  value: number;
}

/** How far a machine's coefficients are expected to be from the starting ones beside a common factor: a standard deviation, relative. */
const spread = 0.5;
const huber = 1.345; // deviations beyond which an observation counts less
const rounds = 40;
const latest = 10; // observations that say how busy the machine is now

/** What few observations are taken to scatter by: they cannot tell. */
const assumedScatter = 0.1;

/**
 * Ridge regression of value ≈ Σ m · start · term around a common factor m (the median of what was taken to what the start foretells):
 * its weight is that of the scatter found, so that exact observations give exact coefficients, and a handful of noisy ones little
 * more than the factor. None gives the start.
 */
export function fitLaw(observations: readonly Observation[], start: Coefficients): number[] {
  if (observations.length === 0) return [...start];
  const rows = observations.map(({ terms, value }) => terms.map((term, index) => (term * start[index]!) / value));
  const factor = 1 / median(rows.map(sum));
  const few = observations.length <= start.length + 3;
  let multipliers: number[] = start.map(() => factor);
  let before = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const errors = rows.map((row) => dot(row, multipliers) - 1);
    const scatter = Math.max(few ? assumedScatter : 0, 1.4826 * median(errors.map(Math.abs)), 1e-12);
    const weights = errors.map((error) => Math.min(1, (huber * scatter) / Math.max(Math.abs(error), 1e-300)));
    multipliers = ridge(rows, weights, factor, (scatter / (spread * factor)) ** 2);
    if (Math.abs(before - scatter) <= 1e-6 * scatter) break;
    before = scatter;
  }
  // Relative errors make what is too slow by chance count less than what is too fast: the latest are put right in the median.
  const level = 1 / median(rows.slice(-latest).map((row) => dot(row, multipliers)));
  return multipliers.map((multiplier, index) => level * multiplier * start[index]!);
}

/** Least Σ weight · (row · m − 1)² + pull · |m − factor|² over m ≥ 0: what would be negative is 0, and the rest solved again. */
function ridge(rows: readonly number[][], weights: readonly number[], factor: number, pull: number): number[] {
  let free = rows[0]!.map((_, index) => index);
  const multipliers = rows[0]!.map(() => 0);
  for (;;) {
    const matrix = free.map((one) =>
      free.map(
        (other) => sum(rows.map((row, k) => weights[k]! * row[one]! * row[other]!)) + (one === other ? pull : 0),
      ),
    );
    const right = free.map((one) => sum(rows.map((row, k) => weights[k]! * row[one]!)) + pull * factor);
    const solution = solve(matrix, right);
    const positive = free.filter((_, place) => solution[place]! >= 0);
    if (positive.length === free.length) {
      free.forEach((index, place) => {
        multipliers[index] = solution[place]!;
      });
      return multipliers;
    }
    free = positive;
  }
}

/** Solves a symmetric positive definite system by Cholesky's decomposition. */
function solve(matrix: readonly number[][], right: readonly number[]): number[] {
  const size = right.length;
  const lower = matrix.map((row) => row.map(() => 0));
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      const known = sum(Array.from({ length: column }, (_, k) => lower[row]![k]! * lower[column]![k]!));
      const rest = matrix[row]![column]! - known;
      const least = 1e-14 * matrix[row]![row]!; // two columns that are one: either may have it all
      lower[row]![column] = row === column ? Math.sqrt(Math.max(rest, least)) : rest / lower[column]![column]!;
    }
  }
  const half = right.slice();
  for (let row = 0; row < size; row++) {
    for (let k = 0; k < row; k++) half[row]! -= lower[row]![k]! * half[k]!;
    half[row]! /= lower[row]![row]!;
  }
  for (let row = size - 1; row >= 0; row--) {
    for (let k = row + 1; k < size; k++) half[row]! -= lower[k]![row]! * half[k]!;
    half[row]! /= lower[row]![row]!;
  }
  return half;
}

const dot = (one: readonly number[], other: readonly number[]) =>
  sum(one.map((number, index) => number * other[index]!));

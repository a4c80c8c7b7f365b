// Fits the coefficients of a cost law (forecast/cost-law.ts) to observations: a robust ridge regression on relative
// errors that moves away from its starting coefficients only as far as the observations outweigh their scatter.

import { median, sum } from './order.ts';

/** The law's value is Σ coefficient × term. */
export type Coefficients = readonly number[];

export interface Observation {
  terms: readonly number[];
  /** The measured cost, above 0. */
  value: number;
}

/**
 * Expected relative deviation (standard deviation) of a machine's coefficients from the starting ones, after a common
 * factor.
 */
const spread = 0.5;
const huber = 1.345; // an observation that is off by more standard deviations weighs less
const maxRounds = 40;
const recentCount = 10; // the most recent observations show how busy the machine is now

/** The scatter assumed for a few observations, which are too few to estimate it. */
const assumedScatter = 0.1;

/**
 * Fits value ≈ Σ m · start · term by ridge regression, with every m pulled towards a common factor: the median ratio of
 * measured to predicted cost. The pull grows with the scatter of the observations, so exact observations give exact
 * coefficients, and a few noisy ones little more than the factor.
 * @returns the coefficients; those of `start` if there are no observations
 */
export function fitLaw(observations: readonly Observation[], start: Coefficients): number[] {
  if (observations.length === 0) return [...start];
  const rows = observations.map(({ terms, value }) => terms.map((term, index) => (term * start[index]!) / value));
  const factor = 1 / median(rows.map(sum));
  const few = observations.length <= start.length + 3;
  let multipliers: number[] = start.map(() => factor);
  let previousScatter = Number.POSITIVE_INFINITY;
  for (let round = 0; round < maxRounds; round++) {
    const errors = rows.map((row) => dot(row, multipliers) - 1);
    const scatter = Math.max(few ? assumedScatter : 0, 1.4826 * median(errors.map(Math.abs)), 1e-12);
    const weights = errors.map((error) => Math.min(1, (huber * scatter) / Math.max(Math.abs(error), 1e-300)));
    multipliers = ridge(rows, weights, factor, (scatter / (spread * factor)) ** 2);
    if (Math.abs(previousScatter - scatter) <= 1e-6 * scatter) break;
    previousScatter = scatter;
  }
  // Relative errors weigh a value that is too high by chance less than one that is too low. This factor makes the
  // median of the most recent predictions right.
  const level = 1 / median(rows.slice(-recentCount).map((row) => dot(row, multipliers)));
  return multipliers.map((multiplier, index) => level * multiplier * start[index]!);
}

/**
 * Minimises Σ weight · (row · m − 1)² + pull · |m − factor|² over m ≥ 0: sets negative components to 0 and solves again
 * for the others.
 */
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

/** Solves a symmetric positive definite system by Cholesky decomposition. */
function solve(matrix: readonly number[][], right: readonly number[]): number[] {
  const size = right.length;
  const lower = matrix.map((row) => row.map(() => 0));
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      const known = sum(Array.from({ length: column }, (_, k) => lower[row]![k]! * lower[column]![k]!));
      const rest = matrix[row]![column]! - known;
      const minimum = 1e-14 * matrix[row]![row]!; // keeps the pivot positive if two columns are equal
      lower[row]![column] = row === column ? Math.sqrt(Math.max(rest, minimum)) : rest / lower[column]![column]!;
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

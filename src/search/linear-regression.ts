// Bayesian linear regression in closed form: rewards are a linear function of features plus normal noise. The weights
// have a normal prior, whose variance relative to the noise is the one with the largest evidence (Bishop, Pattern
// Recognition and Machine Learning, 2006, sections 3.3 and 3.5).

import { normal } from '../random/normal.ts';
import type { RandomStream } from '../random/stream.ts';

/** Variances of a weight's prior relative to the noise's, of which the evidence chooses. */
const priorVariances = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3];

/** The posterior distribution of the weights after some observations. */
export interface Posterior {
  mean: Float64Array; // [features]
  /** Lower Cholesky factor of the inverse covariance times noise². */
  factor: Float64Array; // [features, features]
  noise: number; // standard deviation of a reward around its prediction
}

interface Centred {
  products: Float64Array; // [features, features], the lower half
  rewardProducts: Float64Array; // [features]
  squares: number;
}

/** Sums over the observations, from which the posterior follows. Their order determines the rounding. */
export class LinearRegression {
  readonly #features: number;
  readonly #products: Float64Array; // [features, features], the lower half of Σ x xᵀ
  readonly #sums: Float64Array; // [features] Σ x
  readonly #rewardProducts: Float64Array; // [features] Σ x y
  #count = 0;
  #origin = 0; // the first reward, subtracted from all: differences keep their digits
  #rewards = 0; // Σ y
  #squares = 0; // Σ y²

  constructor(features: number) {
    this.#features = features;
    this.#products = new Float64Array(features * features);
    this.#sums = new Float64Array(features);
    this.#rewardProducts = new Float64Array(features);
  }

  get count(): number {
    return this.#count;
  }

  observe(features: readonly number[], reward: number): void {
    if (this.#count === 0) this.#origin = reward;
    const difference = reward - this.#origin;
    this.#count += 1;
    this.#rewards += difference;
    this.#squares += difference ** 2;
    for (const [row, value] of features.entries()) {
      this.#sums[row]! += value;
      this.#rewardProducts[row]! += value * difference;
      const start = row * this.#features;
      for (let column = 0; column <= row; column++) this.#products[start + column]! += value * features[column]!;
    }
  }

  /** Returns the posterior of the weights; the intercept is the mean. @throws Error for fewer than two observations */
  posterior(): Posterior {
    if (this.#count < 2) throw new Error(`posterior: expected at least two observations, got ${this.#count}`);
    const centred = this.#centred();
    const candidates = priorVariances.map((variance) => this.#posteriorFor(variance, centred));
    return candidates.reduce((best, other) => (other.evidence > best.evidence ? other : best));
  }

  /** Returns the sums around the means. */
  #centred(): Centred {
    const [size, count] = [this.#features, this.#count];
    const products = this.#products.slice();
    const rewardProducts = this.#rewardProducts.slice();
    for (let row = 0; row < size; row++) {
      const mean = this.#sums[row]! / count;
      rewardProducts[row]! -= mean * this.#rewards;
      for (let column = 0; column <= row; column++) products[row * size + column]! -= mean * this.#sums[column]!;
    }
    return { products, rewardProducts, squares: Math.max(0, this.#squares - this.#rewards ** 2 / count) };
  }

  #posteriorFor(variance: number, { products, rewardProducts, squares }: Centred) {
    const size = this.#features;
    const factor = products.slice();
    for (let row = 0; row < size; row++) factor[row * size + row]! += 1 / variance;
    factorise(factor, size);
    const mean = solveTransposed(factor, solve(factor, rewardProducts));
    const explained = mean.reduce((sum, weight, row) => sum + weight * rewardProducts[row]!, 0);
    const residual = Math.max(squares - explained, squares * Number.EPSILON, Number.MIN_VALUE);
    const freedom = this.#count - 1; // one for the mean
    let logDeterminant = size * Math.log(variance); // of the rewards' covariance relative to the noise's
    for (let row = 0; row < size; row++) logDeterminant += 2 * Math.log(factor[row * size + row]!);
    const evidence = -(freedom * Math.log(residual) + logDeterminant) / 2; // up to a constant
    return { mean, factor, noise: Math.sqrt(residual / freedom), evidence };
  }
}

/** Samples weights from the posterior. */
export function sampleWeights({ mean, factor, noise }: Posterior, random: RandomStream): Float64Array {
  const deviations = solveTransposed(
    factor,
    mean.map(() => normal(random)),
  );
  return mean.map((weight, index) => weight + noise * deviations[index]!);
}

/** Returns the prediction of features, relative to the mean reward. */
export function predict(weights: Float64Array, features: readonly number[]): number {
  let sum = 0;
  for (let index = 0; index < features.length; index++) sum += weights[index]! * features[index]!;
  return sum;
}

/** Replaces the lower half of a positive definite matrix by its Cholesky factor. */
function factorise(matrix: Float64Array, size: number): void {
  for (let row = 0; row < size; row++) {
    for (let column = 0; column <= row; column++) {
      let value = matrix[row * size + column]!;
      for (let k = 0; k < column; k++) value -= matrix[row * size + k]! * matrix[column * size + k]!;
      matrix[row * size + column] = row === column ? Math.sqrt(value) : value / matrix[column * size + column]!;
    }
  }
}

/** Solves L x = b for a lower triangular L. */
function solve(factor: Float64Array, right: Float64Array): Float64Array {
  const size = right.length;
  const result = right.slice();
  for (let row = 0; row < size; row++) {
    for (let k = 0; k < row; k++) result[row]! -= factor[row * size + k]! * result[k]!;
    result[row]! /= factor[row * size + row]!;
  }
  return result;
}

/** Solves Lᵀ x = b for a lower triangular L. */
function solveTransposed(factor: Float64Array, right: Float64Array): Float64Array {
  const size = right.length;
  const result = right.slice();
  for (let row = size - 1; row >= 0; row--) {
    for (let k = row + 1; k < size; k++) result[row]! -= factor[k * size + row]! * result[k]!;
    result[row]! /= factor[row * size + row]!;
  }
  return result;
}

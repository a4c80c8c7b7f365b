// Bayesian linear regression: against the closed form of one feature, and what the posterior must recover.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normal } from '../../src/random/normal.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { LinearRegression, predict, sampleWeights } from '../../src/search/linear-regression.ts';

const trueWeights = [0.5, -1, 0, 2];

/** Observes `count` rewards of random features: a linear function plus noise. */
function observed(count: number, { noise = 0.1, shift = 0, seed = 1 } = {}): LinearRegression {
  const random = new RandomStream(seed);
  const regression = new LinearRegression(trueWeights.length);
  for (let row = 0; row < count; row++) {
    const features = trueWeights.map(() => normal(random));
    const reward = features.reduce((sum, value, index) => sum + value * trueWeights[index]!, shift);
    regression.observe(features, reward + noise * normal(random));
  }
  return regression;
}

test('the weight of one feature is Sxy / (Sxx + 1 / v) for one of the prior variances v', () => {
  const regression = new LinearRegression(1);
  for (const [value, reward] of [
    [1, 2],
    [2, 4],
    [4, 5],
    [5, 9],
  ] as const)
    regression.observe([value], reward);
  // Means 3 and 5: Sxx = 4 + 1 + 1 + 4 = 10, Sxy = 6 + 1 + 0 + 8 = 15, Syy = 9 + 1 + 0 + 16 = 26.
  const { mean, factor, noise } = regression.posterior();
  const precision = factor[0]! ** 2 - 10; // 1 / v
  assert.ok([0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3].some((v) => Math.abs(precision * v - 1) < 1e-9));
  assert.ok(Math.abs(mean[0]! - 15 / (10 + precision)) < 1e-12);
  assert.ok(Math.abs(noise - Math.sqrt((26 - 15 ** 2 / (10 + precision)) / 3)) < 1e-12);
});

test('many observations give the weights and the noise with which rewards were made', () => {
  const { mean, noise } = observed(20_000, { noise: 1 }).posterior();
  for (const [index, weight] of trueWeights.entries()) assert.ok(Math.abs(mean[index]! - weight) < 0.03);
  assert.ok(Math.abs(noise - 1) < 0.02, `${noise}`);
});

test('a constant added to all rewards changes no weight, however large it is', () => {
  const [plain, shifted] = [0, 1e6].map((shift) => observed(50, { shift }).posterior());
  for (const [index, weight] of plain!.mean.entries()) assert.ok(Math.abs(shifted!.mean[index]! - weight) < 1e-6);
});

test('rewards of pure noise get weights near 0, those of a function do not', () => {
  const random = new RandomStream(2);
  const regression = new LinearRegression(30);
  for (let row = 0; row < 60; row++)
    regression.observe(
      Array.from({ length: 30 }, () => normal(random)),
      normal(random),
    );
  const size = Math.hypot(...regression.posterior().mean);
  assert.ok(size < 0.5, `${size}`); // least squares would give about 1
  assert.ok(Math.hypot(...observed(60).posterior().mean) > 2);
});

test('sampled weights have the mean and the covariance of the posterior', () => {
  const posterior = observed(12, { noise: 1 }).posterior();
  const random = new RandomStream(3);
  const samples = Array.from({ length: 20_000 }, () => sampleWeights(posterior, random));
  const { factor, noise } = posterior;
  const precision = (row: number, column: number) =>
    trueWeights.reduce(
      (sum, _, k) => sum + (k > Math.min(row, column) ? 0 : factor[row * 4 + k]! * factor[column * 4 + k]!),
      0,
    );
  const covariance = (row: number, column: number) =>
    samples.reduce(
      (sum, weights) => sum + (weights[row]! - posterior.mean[row]!) * (weights[column]! - posterior.mean[column]!),
      0,
    ) / samples.length;
  for (const row of trueWeights.keys()) {
    for (const column of trueWeights.keys()) {
      // covariance · precision / noise² is the identity
      const product =
        trueWeights.reduce((sum, _, k) => sum + covariance(row, k) * precision(k, column), 0) / noise ** 2;
      assert.ok(Math.abs(product - Number(row === column)) < 0.1, `${row}, ${column}: ${product}`);
    }
  }
});

test('equal rewards are no error, and predict no difference', () => {
  const regression = new LinearRegression(2);
  for (const features of [
    [1, 0],
    [0, 1],
    [1, 1],
  ])
    regression.observe(features, 0.3);
  const posterior = regression.posterior();
  const weights = sampleWeights(posterior, new RandomStream(1));
  assert.ok(Math.abs(predict(weights, [1, 0])) < 1e-6);
});

test('a posterior of fewer than two observations is refused', () => {
  assert.throws(() => new LinearRegression(2).posterior(), /expected at least two observations, got 0/);
});

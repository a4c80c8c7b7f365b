// The regression behind predictions recovers the law from data that follow it exactly, roughly or with outliers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lawValue } from '../../src/forecast/cost-law.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { median } from '../../src/statistics/order.ts';
import { fitLaw, type Observation } from '../../src/statistics/robust-fit.ts';

const start = [1e-10, 2e-9, 1e-4, 0.02];
const truth = [2.5e-10, 1e-9, 3e-4, 0.05];

/** Returns observations of the law, each value multiplied by its factor. */
function observations(count: number, factor: (random: RandomStream) => number = () => 1): Observation[] {
  return Array.from({ length: count }, (_, index) => {
    const random = new RandomStream(`fit ${index}`);
    const terms = [1e10 * (1 + random.uniform()), 1e9 * (1 + random.uniform()), 1e3 * (1 + random.uniform()), 1];
    return { terms, value: lawValue(truth, terms) * factor(random) };
  });
}

const relativeError = (fitted: readonly number[], expected: readonly number[]) =>
  Math.max(...fitted.map((value, index) => Math.abs(value / expected[index]! - 1)));

test('exact observations give the exact coefficients, however far from the start', () => {
  assert.ok(relativeError(fitLaw(observations(30), start), truth) < 1e-6);
});

test('no observations give the starting coefficients; one observation of three times their prediction triples them', () => {
  assert.deepEqual(fitLaw([], start), start);
  const [{ terms }] = observations(1) as [Observation];
  const fitted = fitLaw([{ terms, value: 3 * lawValue(start, terms) }], start);
  assert.ok(
    relativeError(
      fitted,
      start.map((value) => 3 * value),
    ) < 1e-9,
  );
});

test('a third of the observations being three times too slow changes the predictions by only a few per cent', () => {
  const busy = fitLaw(
    observations(60, (random) => (random.uniform() < 0.33 ? 3 : 1) * (0.98 + 0.04 * random.uniform())),
    start,
  );
  const errors = observations(60).map(({ terms, value }) => Math.abs(lawValue(busy, terms) / value - 1));
  assert.ok(median(errors) < 0.05, `${median(errors)}`);
});

test('noise makes no coefficient negative, and a duplicate term does not break the solution', () => {
  const noisy = observations(12, (random) => 0.5 + random.uniform());
  const doubled = noisy.map(({ terms, value }) => ({ terms: [...terms, terms[0]!], value }));
  for (const fitted of [fitLaw(noisy, start), fitLaw(doubled, [...start, start[0]!])]) {
    assert.ok(fitted.every((coefficient) => Number.isFinite(coefficient) && coefficient >= 0));
  }
});

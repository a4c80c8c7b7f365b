// The regression behind predictions: what it must find in data that follow a law, exactly, roughly or with outliers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lawValue } from '../../src/forecast/cost-law.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { median } from '../../src/statistics/order.ts';
import { fitLaw, type Observation } from '../../src/statistics/robust-fit.ts';

const start = [1e-10, 2e-9, 1e-4, 0.02];
const truth = [2.5e-10, 1e-9, 3e-4, 0.05];

/** Observations of the law, each value times its factor. */
function observed(count: number, factor: (random: RandomStream) => number = () => 1): Observation[] {
  return Array.from({ length: count }, (_, index) => {
    const random = new RandomStream(`fit ${index}`);
    const terms = [1e10 * (1 + random.uniform()), 1e9 * (1 + random.uniform()), 1e3 * (1 + random.uniform()), 1];
    return { terms, value: lawValue(truth, terms) * factor(random) };
  });
}

const relative = (found: readonly number[], expected: readonly number[]) =>
  Math.max(...found.map((value, index) => Math.abs(value / expected[index]! - 1)));

test('exact observations give the exact coefficients, however far from the start', () => {
  assert.ok(relative(fitLaw(observed(30), start), truth) < 1e-6);
});

test('without observations the start is what is known; one that is a multiple of it gives that multiple', () => {
  assert.deepEqual(fitLaw([], start), start);
  const [{ terms }] = observed(1) as [Observation];
  const [found] = [fitLaw([{ terms, value: 3 * lawValue(start, terms) }], start)];
  assert.ok(
    relative(
      found,
      start.map((value) => 3 * value),
    ) < 1e-9,
  );
});

test('a third of the observations being three times too slow moves the predictions by a few per cent only', () => {
  const busy = fitLaw(
    observed(60, (random) => (random.uniform() < 0.33 ? 3 : 1) * (0.98 + 0.04 * random.uniform())),
    start,
  );
  const errors = observed(60).map(({ terms, value }) => Math.abs(lawValue(busy, terms) / value - 1));
  assert.ok(median(errors) < 0.05, `${median(errors)}`);
});

test('noise does not make a coefficient negative, nor a term that is another one twice break the solution', () => {
  const noisy = observed(12, (random) => 0.5 + random.uniform());
  const doubled = noisy.map(({ terms, value }) => ({ terms: [...terms, terms[0]!], value }));
  for (const found of [fitLaw(noisy, start), fitLaw(doubled, [...start, start[0]!])]) {
    assert.ok(found.every((coefficient) => Number.isFinite(coefficient) && coefficient >= 0));
  }
});

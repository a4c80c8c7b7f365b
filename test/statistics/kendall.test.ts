import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RandomStream } from '../../src/random/stream.ts';
import { rankCorrelation } from '../../src/statistics/kendall.ts';

const close = (value: number, expected: number, tolerance = 5e-4) =>
  assert.ok(Math.abs(value - expected) < tolerance, `${value}, expected ${expected}`);

test('τ is the share of pairs in the same order minus the share in opposite order: by hand', () => {
  // 1 2 3 4 5 against 2 1 4 3 5: two of ten pairs are reversed.
  const { tau, low, high } = rankCorrelation([1, 2, 3, 4, 5], [2, 1, 4, 3, 5])!;
  close(tau, 0.6, 1e-12);
  // atanh 0.6 = 0.6931, deviation √(0.437 / 1) = 0.6611, 1.96 of it 1.2957: tanh −0.6026 and tanh 1.9888
  close(low, -0.539);
  close(high, 0.9632);
});

test('ties count as half: τ-b by hand', () => {
  // Nine of ten pairs differ in the first measure, all in the second; the nine agree: 9 / √90.
  close(rankCorrelation([1, 1, 2, 3, 4], [1, 2, 3, 4, 5])!.tau, 9 / Math.sqrt(90), 1e-12);
});

test('only the order matters, and reversing one measure changes the sign', () => {
  const random = new RandomStream('kendall');
  for (let repetition = 0; repetition < 50; repetition++) {
    const [x, y] = [0, 1].map(() => Array.from({ length: 9 }, () => random.uniform())) as [number[], number[]];
    const correlation = rankCorrelation(x, y)!;
    assert.deepEqual(rankCorrelation(y, x), correlation);
    assert.equal(rankCorrelation(x.map(Math.exp), y)!.tau, correlation.tau);
    const reversed = rankCorrelation(
      x,
      y.map((value) => -value),
    )!;
    close(reversed.tau, -correlation.tau, 1e-12);
    close(reversed.low, -correlation.high, 1e-12);
  }
});

test('even a perfect order of few things has a wide interval, of many a narrow one', () => {
  const order = (count: number) => Array.from({ length: count }, (_, index) => index);
  const [few, many] = [5, 100].map((count) => rankCorrelation(order(count), order(count))!);
  assert.deepEqual([few!.tau, few!.high, many!.tau, many!.high], [1, 1, 1, 1]);
  close(few!.low, 0.175, 5e-3); // atanh 0.9 = 1.472, less 1.2957
  assert.ok(many!.low > 0.99);
});

test('fewer than five things, and measures with equal values only, have no τ', () => {
  assert.equal(rankCorrelation([1, 2, 3, 4], [1, 2, 3, 4]), undefined);
  assert.equal(rankCorrelation([1, 2, 3, 4, 5], [7, 7, 7, 7, 7]), undefined);
});

test('the interval contains the true τ of correlated measures about 19 times of 20', () => {
  const random = new RandomStream('coverage');
  const normal = () => Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
  const rho = 0.7;
  const truth = (2 / Math.PI) * Math.asin(rho); // of two normal measures with that correlation
  const repetitions = 1000;
  let covered = 0;
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const x = Array.from({ length: 20 }, normal);
    const y = x.map((value) => rho * value + Math.sqrt(1 - rho ** 2) * normal());
    const { low, high } = rankCorrelation(x, y)!;
    if (low <= truth && truth <= high) covered++;
  }
  assert.ok(Math.abs(covered / repetitions - 0.95) < 0.025, `${covered} of ${repetitions}`);
});

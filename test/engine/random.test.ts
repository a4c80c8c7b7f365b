// The engine's random numbers: their moments, seeds, saved states, and the same bits with any number of threads.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { ones, rand, randint, randn, randperm } from '../../src/engine/create.ts';
import { gradients } from '../../src/engine/gradient.ts';
import { setThreads, threads } from '../../src/engine/machine.ts';
import { conv2d, dropout } from '../../src/engine/operators.ts';
import { Generator, generatorState, manualSeed, setGeneratorState } from '../../src/engine/random.ts';

const usual = threads();
after(() => setThreads(usual));

const draw = (generator?: Generator) => [
  ...randn([33], { generator }).toArray(),
  ...rand([5], { generator }).toArray(),
];

test('a seed determines all following numbers', () => {
  const after = (seed: number) => {
    manualSeed(seed);
    return draw();
  };
  assert.deepEqual(after(7), after(7));
  assert.notDeepEqual(after(7), after(8));
});

test('a generator continues from a saved state, also in the middle of a normal pair', () => {
  manualSeed(1);
  randn([1]); // uses half a Box-Muller pair
  const state = generatorState();
  const [first, second] = [draw(), draw()];
  assert.notDeepEqual(first, second);
  setGeneratorState(state);
  assert.deepEqual([draw(), draw()], [first, second]);
});

test('a separate generator has its own seed and state, and does not affect the default one', () => {
  const [one, other] = [new Generator(5), new Generator(5)];
  manualSeed(3);
  const before = generatorState();
  assert.deepEqual(draw(one), draw(other));
  const state = one.state();
  const next = draw(one);
  other.setState(state);
  assert.deepEqual(draw(other), next);
  assert.deepEqual(generatorState(), before);
});

test('an invalid state is refused in one sentence', () => {
  const state = generatorState();
  assert.throws(() => setGeneratorState(state.subarray(0, 100)), /^Error: setGeneratorState: \w/);
  assert.throws(() => setGeneratorState(new Uint8Array(state.length)), /^Error: setGeneratorState: \w/);
  assert.throws(() => new Generator(0.5), /^Error: createGenerator: argument 1: expected a whole number$/);
  assert.deepEqual(generatorState(), state);
});

test('uniform, normal and integer random numbers have the moments of their distributions', () => {
  manualSeed(11);
  const count = 200_000;
  const moments = (numbers: ArrayLike<number>) => {
    const mean = Array.from(numbers).reduce((total, each) => total + each, 0) / numbers.length;
    const square = Array.from(numbers).reduce((total, each) => total + (each - mean) ** 2, 0) / numbers.length;
    return [mean, square] as const;
  };
  const near = (got: number, expected: number, deviation: number) =>
    assert.ok(Math.abs(got - expected) < (5 * deviation) / Math.sqrt(count), `${got} for ${expected}`);
  const [uniformMean, uniformVariance] = moments(rand([count]).toArray());
  near(uniformMean, 1 / 2, Math.sqrt(1 / 12));
  near(uniformVariance, 1 / 12, Math.sqrt(1 / 180));
  const [normalMean, normalVariance] = moments(randn([count]).toArray());
  near(normalMean, 0, 1);
  near(normalVariance, 1, Math.SQRT2);
  const whole = randint(-2, 3, [count]).toArray();
  const tally = new Map<number, number>();
  for (const each of whole) tally.set(each, (tally.get(each) ?? 0) + 1);
  assert.deepEqual(
    [...tally.keys()].sort((a, b) => a - b),
    [-2, -1, 0, 1, 2],
  );
  for (const times of tally.values()) near(times / count, 1 / 5, 0.4);
});

test('a random permutation has each number once, and another seed gives another one', () => {
  const order = (seed: number) => [...randperm(1000, { generator: new Generator(seed) }).toArray()];
  assert.deepEqual(order(1), order(1));
  assert.notDeepEqual(order(1), order(2));
  assert.deepEqual(
    order(1).sort((a, b) => a - b),
    Array.from({ length: 1000 }, (_, index) => index),
  );
});

test('dropout keeps a share, scales it to the same mean, passes the same gradient, and does nothing in evaluation', () => {
  manualSeed(4);
  const input = ones([100_000], { requiresGrad: true });
  const dropped = dropout(input, 0.8, true);
  const remaining = dropped
    .detach()
    .toArray()
    .filter((each) => each !== 0);
  assert.ok(Math.abs(remaining.length / 100_000 - 0.8) < 5 * Math.sqrt((0.8 * 0.2) / 100_000));
  assert.ok(remaining.every((each) => each === Math.fround(1 / Math.fround(0.8)) || Math.abs(each - 1.25) < 1e-6));
  const [gradient] = gradients(dropped.sum(), [input]);
  assert.deepEqual(gradient!.toArray(), dropped.detach().toArray());
  assert.deepEqual(dropout(input, 0.8, false).detach().toArray(), input.detach().toArray());
  assert.equal(dropout(input, 1, true).sum().item(), 100_000);
});

function computed(count: number): unknown[] {
  setThreads(count);
  assert.equal(threads(), count);
  manualSeed(9);
  const [images, kernel] = [randn([8, 16, 32, 32]), randn([16, 16, 3, 3], { requiresGrad: true })];
  const mask = dropout(images, 0.5, true); // 131,072 elements: enough for a second thread
  const loss = conv2d(images, kernel, { padding: 1 }).tanh().square().mean();
  const [gradient] = gradients(loss, [kernel]);
  return [images, mask, loss.detach(), gradient!, randn([100, 100]).matmul(randn([100, 100]))].map((each) =>
    each.toBytes(),
  );
}

test('the same seed gives the same bits, with one thread and with two', () => {
  const [one, two] = [computed(1), computed(2)];
  assert.deepEqual(computed(1), one);
  assert.deepEqual(computed(2), two);
  assert.deepEqual(two.slice(0, 2), one.slice(0, 2), 'and what is drawn does not depend on their number');
});

test('an impossible number of threads is refused', () => {
  for (const count of [0, -1, 1.5, 1e9]) assert.throws(() => setThreads(count), /^Error: setThreads: /);
});

// Random streams: the published numbers, uniform distributions, and states that can be saved.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hash128 } from '../../src/random/hash.ts';
import { RandomStream } from '../../src/random/stream.ts';

const numbers = (stream: RandomStream, count: number) => Array.from({ length: count }, () => stream.bits32());

test('MurmurHash3 gives the verification value of its authors', () => {
  // SMHasher's check: the keys {}, {0}, {0, 1} .. with seeds 256, 255 .., and the hash of all their hashes.
  const digests = new Uint8Array(256 * 16);
  for (let length = 0; length < 256; length++) {
    const words = hash128(
      Uint8Array.from({ length }, (_, index) => index),
      256 - length,
    );
    for (let word = 0; word < 4; word++)
      new DataView(digests.buffer).setUint32(16 * length + 4 * word, words[word]!, true);
  }
  assert.equal(hash128(digests)[0], 0xb3ece62a);
});

test('the generator gives the published sequence of xoshiro128** from state 1, 2, 3, 4', () => {
  const stream = RandomStream.load(`xoshiro128**:${'0'.repeat(32)}:00000001000000020000000300000004`);
  const published = [
    11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
  ];
  assert.deepEqual(numbers(stream, 10), published);
});

test('a seed gives one sequence, written as number or as text', () => {
  assert.deepEqual(numbers(new RandomStream(7), 20), numbers(new RandomStream('7'), 20));
  assert.notDeepEqual(numbers(new RandomStream(7), 20), numbers(new RandomStream(8), 20));
  assert.throws(() => new RandomStream(0.5), /integer or text, got 0.5/);
  assert.throws(() => new RandomStream(Number.NaN), RangeError);
});

test('a uniform number consists of the high bits of two 32-bit numbers', () => {
  const [first, second] = numbers(new RandomStream(3), 2) as [number, number];
  assert.equal(new RandomStream(3).uniform(), Math.floor(first / 32) / 2 ** 27 + Math.floor(second / 64) / 2 ** 53);
});

test('a million uniform numbers lie in [0, 1) with mean 1/2 and variance 1/12', () => {
  const stream = new RandomStream('moments');
  let sum = 0;
  let squares = 0;
  for (let draw = 0; draw < 1e6; draw++) {
    const value = stream.uniform();
    assert.ok(value >= 0 && value < 1);
    sum += value;
    squares += (value - 0.5) ** 2;
  }
  assert.ok(Math.abs(sum / 1e6 - 0.5) < 4 * Math.sqrt(1 / 12 / 1e6)); // four standard errors
  assert.ok(Math.abs(squares / 1e6 - 1 / 12) < 4 * Math.sqrt(1 / 180 / 1e6));
});

test('integers are fair: chi-square over 13 values stays below the 99.9 % quantile', () => {
  const stream = new RandomStream(11);
  const counts = new Array<number>(13).fill(0);
  for (let draw = 0; draw < 130_000; draw++) counts[stream.integer(13)]!++;
  const chiSquare = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
  assert.ok(chiSquare < 32.91, `chi-square ${chiSquare} with 12 degrees of freedom`);
});

test('integers of a bound that does not divide 2^32 are fair too', () => {
  // Remainders of 3 · 2^30 without rejection would make the lowest third twice as likely.
  const stream = new RandomStream(12);
  let low = 0;
  for (let draw = 0; draw < 30_000; draw++) if (stream.integer(3 * 2 ** 30) < 2 ** 30) low++;
  assert.ok(Math.abs(low - 10_000) < 4 * Math.sqrt((30_000 * 2) / 9), `${low} of 30,000 in the lowest third`);
});

test('integer refuses bounds outside 1 to 2^32', () => {
  for (const below of [0, -1, 1.5, 2 ** 32 + 1, Number.NaN]) {
    assert.throws(() => new RandomStream(1).integer(below), RangeError);
  }
  assert.equal(new RandomStream(1).integer(1), 0);
});

test('shuffles are permutations, and each of the six orders of three comes equally often', () => {
  const stream = new RandomStream(5);
  assert.deepEqual(
    [...stream.shuffle(1000)].sort((a, b) => a - b),
    Array.from({ length: 1000 }, (_, index) => index),
  );
  const counts = new Map<string, number>();
  for (let draw = 0; draw < 60_000; draw++) {
    const order = stream.shuffle(3).join();
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.equal(counts.size, 6);
  const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
  assert.ok(chiSquare < 20.52, `chi-square ${chiSquare} with 5 degrees of freedom`);
});

test('a saved stream continues with the same numbers and the same children', () => {
  const stream = new RandomStream('study');
  numbers(stream, 17);
  const copy = RandomStream.load(stream.save());
  assert.deepEqual(numbers(copy.split('epoch 1'), 50), numbers(stream.split('epoch 1'), 50));
  assert.deepEqual(numbers(copy, 1000), numbers(stream, 1000));
  assert.equal(copy.save(), stream.save());
});

test('splitting depends on seed and label only and leaves the stream alone', () => {
  const stream = new RandomStream(9);
  const early = stream.split('weights');
  const before = stream.save();
  stream.split('order');
  assert.equal(stream.save(), before);
  numbers(stream, 5);
  assert.deepEqual(numbers(stream.split('weights'), 10), numbers(early, 10));
});

test('children, grandchildren and parent share no sequence', () => {
  const parent = new RandomStream(9);
  const streams = [parent, parent.split('a'), parent.split('b'), parent.split('a').split('b'), parent.split('a/b')];
  const sequences = streams.map((stream) => numbers(stream, 8).join());
  assert.equal(new Set(sequences).size, streams.length);
});

test('ten thousand children of one stream are independent: their first bits are fair and uncorrelated', () => {
  const parent = new RandomStream(1);
  const firsts = Array.from({ length: 10_000 }, (_, child) => parent.split(`${child}`).uniform() - 0.5);
  const mean = firsts.reduce((sum, value) => sum + value, 0) / 10_000;
  let neighbours = 0;
  for (let child = 1; child < firsts.length; child++) neighbours += firsts[child]! * firsts[child - 1]!;
  assert.ok(Math.abs(mean) < 4 * Math.sqrt(1 / 12 / 10_000));
  assert.ok(Math.abs(neighbours / 9_999) < (4 * (1 / 12)) / Math.sqrt(9_999));
});

test('states that save() did not make are refused', () => {
  const key = '0'.repeat(32);
  for (const text of [
    '',
    'pcg:1:2',
    `xoshiro128**:${key}:${key}`,
    `xoshiro128**:${key}:12`,
    `xoshiro128**:${key}:${key}1:0`,
  ]) {
    assert.throws(() => RandomStream.load(text), /random stream: expected a state saved as/);
  }
});

// The split into training and validation images as laws over seeds and sizes.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { DatasetFiles } from '../../src/data/dataset-files.ts';
import { share, split } from '../../src/data/split.ts';
import { InputError } from '../../src/failure.ts';
import { temporaryFolder } from './temporary.ts';

const part = { path: 'nowhere', count: 50_000, images: 0, labels: 0 };
const cifar: DatasetFiles = {
  content: 'cifar10',
  name: 'like CIFAR-10',
  source: 'nowhere',
  classes: [],
  height: 32,
  width: 32,
  holdOut: 'uniform',
  train: part,
  test: part,
};

/** A stratified dataset of which only the labels exist. */
function withLabels(context: TestContext, labels: number[], classes: number): DatasetFiles {
  const path = join(temporaryFolder(context), 'labels.bin');
  writeFileSync(path, new Uint8Array(BigInt64Array.from(labels, BigInt).buffer));
  const names = Array.from({ length: classes }, (_, label) => `class ${label}`);
  return {
    ...cifar,
    classes: names,
    holdOut: 'stratified',
    train: { path, count: labels.length, images: 0, labels: 0 },
  };
}

const isAscending = (indices: Int32Array) =>
  indices.every((index, place) => place === 0 || index > indices[place - 1]!);

test('the split holds out a tenth, has no image twice and misses none', () => {
  const { train, validation } = split(cifar, { seed: 3 });
  assert.deepEqual([train.length, validation.length], [45_000, 5_000]);
  assert.ok(isAscending(train) && isAscending(validation));
  assert.equal(new Set([...train, ...validation]).size, 50_000);
});

test('ten thousand classes of four images each give one to the validation', (context) => {
  const files = withLabels(
    context,
    Array.from({ length: 40_000 }, (_, index) => index % 10_000),
    10_000,
  );
  const { train, validation } = split(files, { seed: 1 });
  assert.deepEqual([train.length, validation.length], [30_000, 10_000]);
  assert.equal(new Set(validation.map((index) => index % 10_000)).size, 10_000);
  assert.equal(split(files, { seed: 1, training: 15_000 }).train.length, 15_000);
});

test('the same seed gives the same split, another seed another', () => {
  const indices = (seed: number) => split(cifar, { seed }).validation;
  assert.deepEqual(indices(1), indices(1));
  const first = new Set(indices(1));
  const common = indices(2).filter((index) => first.has(index)).length;
  // Two independent tenths share 500 of 5,000 (hypergeometric, deviation 20).
  assert.ok(Math.abs(common - 500) < 100, `${common} in common`);
});

test('held-out images are spread evenly over the dataset', () => {
  const { validation } = split(cifar, { seed: 7 });
  const perTenth = new Array(10).fill(0);
  for (const index of validation) perTenth[Math.floor(index / 5000)] += 1;
  // 500 each on average, binomial deviation about 21.
  for (const count of perTenth) assert.ok(Math.abs(count - 500) < 100, `${perTenth}`);
});

test('fewer training images are a part of more, with the same validation images', () => {
  const [small, large] = [1000, 8000].map((training) => split(cifar, { training, validation: 2000, seed: 5 }));
  assert.equal(small!.train.length, 1000);
  assert.deepEqual(small!.validation, large!.validation);
  assert.ok(small!.train.every((index) => large!.train.includes(index)));
  assert.ok(large!.train.every((index) => !large!.validation.includes(index)));
});

test('a stratified split gives every class its share and at least one image in each part', (context) => {
  const labels = [...Array(80).fill(0), ...Array(15).fill(1), ...Array(5).fill(2)];
  const files = withLabels(context, labels, 3);
  const { train, validation } = split(files, { validation: 10, seed: 1 });
  const count = (indices: Int32Array) =>
    [0, 1, 2].map((label) => indices.filter((index) => labels[index] === label).length);
  assert.deepEqual(count(validation), [8, 1, 1]);
  assert.deepEqual(count(train), [72, 14, 4]);
  const few = split(files, { validation: 10, training: 9, seed: 1 });
  assert.deepEqual(count(few.train), [7, 1, 1]);
});

test('by default every class of a small stratified dataset is held out once', (context) => {
  const labels = Array.from({ length: 60 }, (_, index) => index % 12);
  const { validation, train } = split(withLabels(context, labels, 12), { seed: 2 });
  assert.deepEqual([validation.length, train.length], [12, 48]);
  assert.equal(new Set([...validation].map((index) => labels[index])).size, 12);
});

test('shares sum up, stay within the sizes and leave one where they can', () => {
  for (let total = 3; total <= 20; total++) {
    const sizes = [12, 1, 7];
    const counts = share(total, sizes, 'test');
    assert.equal(
      counts.reduce((sum, count) => sum + count),
      total,
    );
    assert.ok(counts.every((count, group) => count >= 1 && count <= sizes[group]!));
    if (total <= 18) assert.ok(counts[0]! < 12 && counts[2]! < 7, `${total}: ${counts}`);
  }
});

test('impossible counts are refused with a sentence', (context) => {
  const refused = (options: object, files = cifar) =>
    assert.throws(() => split(files, { seed: 1, ...options }), InputError);
  refused({ validation: 50_000 });
  refused({ validation: -1 });
  refused({ validation: 1.5 });
  refused({ validation: 5000, training: 45_001 });
  refused({ training: 0 });
  refused({ validation: 1 }, withLabels(context, [0, 0, 0, 1, 1, 1], 2));
});

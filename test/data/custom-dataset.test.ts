// Datasets of a program: the cache has the same images, and they are read no more often than needed.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { type CustomDataset, datasetFrom, type LabelledPixels } from '../../src/data/custom-dataset.ts';
import { readLabels, readRange } from '../../src/data/dataset-files.ts';
import { temporaryFolder } from './temporary.ts';

/** An image of 1 × 2 pixels whose bytes count from `first`. */
const image = (first: number, label: number | string): LabelledPixels => ({
  pixels: Uint8Array.from({ length: 6 }, (_, place) => first + place),
  label,
});

const four = [image(0, 'a'), image(10, 'b'), image(20, 0), image(30, 1)];
const given: CustomDataset = {
  name: 'dots',
  classes: ['a', 'b'],
  height: 1,
  width: 2,
  train: four,
  test: [image(40, 1)],
};
const cacheIn = (context: TestContext) => ({ cache: temporaryFolder(context) });

test('arrays arrive plane by plane, with labels by place and by name', async (context) => {
  const files = await datasetFrom(given, cacheIn(context));
  // red 0 3, green 1 4, blue 2 5
  assert.deepEqual([...readRange(files.train.path, files.train.images, 6)], [0, 3, 1, 4, 2, 5]);
  assert.deepEqual([...readLabels(files.train)], [0, 1, 0, 1]);
  assert.deepEqual([...readRange(files.test.path, files.test.images, 6)], [40, 43, 41, 44, 42, 45]);
  assert.deepEqual([...readLabels(files.test)], [1]);
});

test('without test images every tenth of each class is one', async (context) => {
  const train = Array.from({ length: 40 }, (_, place) => image(place, place % 2));
  const { test: _, ...rest } = given;
  const files = await datasetFrom({ ...rest, train }, cacheIn(context));
  assert.deepEqual([files.train.count, files.test.count], [36, 4]);
  // The 10th and 20th of class 0 are images 18 and 38, of class 1 images 19 and 39.
  const firsts = [0, 1, 2, 3].map((place) => readRange(files.test.path, files.test.images + 6 * place, 1)[0]);
  assert.deepEqual(firsts, [18, 19, 38, 39]);
  assert.deepEqual([...readLabels(files.test)], [0, 1, 0, 1]);
});

test('equal images are written once, others get their own entry', async (context) => {
  const options = cacheIn(context);
  const entries = () => readdirSync(options.cache).filter((name) => name.endsWith('.bin')).length;
  const first = await datasetFrom(given, options);
  assert.deepEqual(await datasetFrom({ ...given, train: [...four] }, options), first);
  assert.equal(entries(), 1);
  await datasetFrom({ ...given, train: [...four, image(50, 'a')] }, options);
  assert.equal(entries(), 2);
});

test('a dataset is known by its content: not by its name, but by every byte, label and class', async (context) => {
  const contentOf = async (changes: Partial<CustomDataset>) =>
    (await datasetFrom({ ...given, train: five, ...changes }, cacheIn(context))).content;
  const five = [...four, image(50, 1)];
  const content = await contentOf({});
  assert.equal(await contentOf({ name: 'spots', version: '2' }), content);
  const others: Partial<CustomDataset>[] = [
    { classes: ['a', 'c'], train: five.map(({ pixels, label }) => ({ pixels, label: label === 'b' ? 1 : label })) },
    { height: 2, width: 1 },
    { train: [...four, image(51, 1)] },
    { train: [...four, image(50, 0)] },
    { train: four, test: [image(50, 1), image(40, 1)] }, // the same bytes, divided otherwise
  ];
  const contents = await Promise.all(others.map(contentOf));
  assert.equal(new Set([content, ...contents]).size, 6);
});

test('with a version a cached dataset is not read again', async (context) => {
  const options = cacheIn(context);
  let read = 0;
  const train = async function* () {
    read++;
    yield* four;
  };
  const files = await datasetFrom({ ...given, train, version: '1' }, options);
  assert.deepEqual(await datasetFrom({ ...given, train, version: '1' }, options), files);
  assert.equal(read, 1);
  await datasetFrom({ ...given, train, version: '2' }, options);
  assert.equal(read, 2);
  await datasetFrom({ ...given, train }, options); // once to be known by its content, once to be written
  assert.equal(read, 4);
});

test('an iterator is read once if it has a version, and refused without one', async (context) => {
  const options = cacheIn(context);
  const files = await datasetFrom({ ...given, train: four.values(), version: '1' }, options);
  assert.equal(files.train.count, 4);
  await assert.rejects(datasetFrom({ ...given, train: four.values() }, options), /train: expected a version/);
});

test('invalid images and labels are refused in one sentence, and leave no files', async (context) => {
  const options = cacheIn(context);
  const refused = (change: Partial<CustomDataset>, sentence: RegExp) =>
    assert.rejects(datasetFrom({ ...given, ...change }, options), { name: 'InputError', message: sentence });
  await refused(
    { train: [...four, { pixels: new Uint8Array(5), label: 0 }] },
    /^train image 4: expected 6 bytes, 1 × 2/,
  );
  await refused({ train: [...four, image(0, 'c')] }, /^train image 4: expected a class, .* got "c"$/);
  await refused({ train: [...four, image(0, 2)] }, /^train image 4: expected a class, a number from 0 to 1/);
  await refused({ test: [image(0, -1)] }, /^test image 0: expected a class/);
  await refused({ train: four.slice(0, 3) }, /^train: expected at least 2 images of the class "b", got 1$/);
  await refused({ test: [] }, /^test: expected at least one image/);
  await refused({ classes: ['a', 'a'] }, /^classes: expected/);
  await refused({ height: 0 }, /^height: expected/);
  assert.deepEqual(
    readdirSync(options.cache).filter((name) => !name.endsWith('.lock')),
    [],
  );
});

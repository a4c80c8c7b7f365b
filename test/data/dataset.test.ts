// Datasets as tensors, at the stored resolution and below.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cached } from '../../src/data/cache.ts';
import { openDataset } from '../../src/data/dataset.ts';
import type { DatasetFiles } from '../../src/data/dataset-files.ts';
import { InputError } from '../../src/failure.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { temporaryFolder } from './temporary.ts';

const size = 8;
const random = new RandomStream(1);
const noise = (count: number) => Uint8Array.from({ length: count * 3 * size * size }, () => random.integer(256));
const train = noise(5);
const testing = noise(2);

/** Five training and two test images of noise. */
async function noiseFiles(cache: string): Promise<DatasetFiles> {
  const { files } = await cached(
    cache,
    'noise',
    () => {},
    async (writer) => {
      await writer.add('train', train, [2, 0, 1, 1, 0]);
      await writer.add('test', testing, [1, 2]);
      const description = { name: 'noise', source: 'a test', classes: ['a', 'b', 'c'], height: size, width: size };
      return { description: { ...description, holdOut: 'uniform' }, skipped: [] };
    },
  );
  return files;
}

test('a description that travelled as JSON opens as the images and labels that were written', async (context) => {
  const files = JSON.parse(JSON.stringify(await noiseFiles(temporaryFolder(context)))) as DatasetFiles;
  const dataset = await openDataset(files);
  assert.deepEqual([...dataset.train.images.shape], [5, 3, 8, 8]);
  assert.deepEqual(dataset.train.images.toArray(), train);
  assert.deepEqual(dataset.test.images.toArray(), testing);
  assert.deepEqual([...dataset.train.labels.toArray()], [2, 0, 1, 1, 0]);
  assert.deepEqual([...dataset.test.labels.toArray()], [1, 2]);
  assert.equal(dataset.train.labels.dtype, 'int64');
  assert.deepEqual(dataset.classes, ['a', 'b', 'c']);
});

test('at half the resolution every pixel is the mean of four, and the labels stay', async (context) => {
  const files = await noiseFiles(temporaryFolder(context));
  let shrunk = 0;
  const open = () => openDataset(files, { resolution: 4, onProgress: () => shrunk++ });
  const { train: small, height, width } = await open();
  assert.deepEqual([height, width, ...small.images.shape], [4, 4, 5, 3, 4, 4]);
  const pixels = small.images.toArray();
  for (const [place, value] of pixels.entries()) {
    const [plane, y, x] = [Math.floor(place / 16), Math.floor(place / 4) % 4, place % 4];
    const at = (row: number, column: number) => train[plane * 64 + (2 * y + row) * 8 + 2 * x + column]!;
    assert.equal(value, Math.floor((at(0, 0) + at(0, 1) + at(1, 0) + at(1, 1)) / 4 + 0.5));
  }
  assert.deepEqual([...small.labels.toArray()], [2, 0, 1, 1, 0]);
  assert.ok(shrunk > 0);
  shrunk = 0;
  assert.deepEqual((await open()).train.images.toArray(), pixels);
  assert.equal(shrunk, 0);
});

test('opening a new resolution several times at once gives all the same images', async (context) => {
  const files = await noiseFiles(temporaryFolder(context));
  const opened = await Promise.all([1, 2, 3, 4].map(() => openDataset(files, { resolution: 5 })));
  for (const { train: each } of opened) assert.deepEqual(each.images.toArray(), opened[0]!.train.images.toArray());
});

test('a resolution above the stored one, or none at all, is refused with a sentence', async (context) => {
  const files = await noiseFiles(temporaryFolder(context));
  for (const resolution of [9, 3, 4.5, Number.NaN]) {
    await assert.rejects(openDataset(files, { resolution }), (error: Error) => {
      assert.ok(error instanceof InputError);
      assert.match(error.message, /^resolution: expected a whole number from 4 to 8 pixels, got /);
      return true;
    });
  }
});

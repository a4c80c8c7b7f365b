// The parts of a batch that several processes train on are together the batch of one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { partColumns, partRange } from '../../src/data/batch-part.ts';
import { batchRows, TrainingBatches } from '../../src/data/batches.ts';
import { measureWhitening } from '../../src/data/whitening.ts';
import { greyImages } from '../train/images.ts';

test('parts follow one another, cover the batch, and differ by one image at most', () => {
  for (const images of [1, 7, 8, 64, 1001])
    for (const count of [1, 2, 3, 4, 7]) {
      const parts = Array.from({ length: count }, (_, index) => partRange({ index, count }, images));
      let next = 0;
      for (const { first, length } of parts) {
        assert.equal(first, next);
        next += length;
      }
      assert.equal(next, images);
      const lengths = parts.map(({ length }) => length);
      assert.ok(Math.max(...lengths) - Math.min(...lengths) <= 1);
    }
});

test('a part of integers has its columns of every row', () => {
  const integers = Int32Array.of(1, 2, 3, 4, 5, 10, 20, 30, 40, 50);
  assert.deepEqual([...partColumns(integers, 5, { index: 0, count: 2 })], [1, 2, 3, 10, 20, 30]);
  assert.deepEqual([...partColumns(integers, 5, { index: 1, count: 2 })], [4, 5, 40, 50]);
});

for (const balanced of [false, true]) {
  test(`images and augmentation of the parts are those of the batch${balanced ? ', with balanced classes' : ''}`, () => {
    const from = greyImages(40, 8, 'parts');
    const source = {
      from,
      whitening: measureWhitening(
        from.images,
        Int32Array.from({ length: 40 }, (_, place) => place),
      ),
      batchSize: 11,
      seed: 3,
      balanced,
      augmentation: { enlarge: 1.25, flip: 'alternate' as const, cutout: 2 },
    };
    const whole = new TrainingBatches(source);
    const parts = [0, 1, 2].map((index) => new TrainingBatches({ ...source, part: { index, count: 3 } }));
    for (const { count, wholeBatchSize } of parts)
      assert.deepEqual([count, wholeBatchSize], [whole.count, whole.batchSize]);
    for (const [epoch, step] of [
      [0, 0],
      [0, 2],
      [5, 1],
    ] as const) {
      const rowsOf = (batches: TrainingBatches) => {
        const integers = batches.integersOf(epoch, step);
        const { batchSize } = batches;
        return Array.from({ length: batchRows }, (_, row) => [
          ...integers.subarray(row * batchSize, (row + 1) * batchSize),
        ]);
      };
      const expected = rowsOf(whole);
      const together = parts.map(rowsOf);
      assert.deepEqual(
        expected.map((_, row) => together.flatMap((rows) => rows[row]!)),
        expected,
      );
      const pixels = (batches: TrainingBatches) => [...batches.batch(epoch, step).images.flatten(1).toArray()];
      assert.deepEqual(parts.flatMap(pixels), pixels(whole));
    }
  });
}

// Batches as pure functions of seed, epoch and step, and whitening.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EvaluationBatches, TrainingBatches } from '../../src/data/batches.ts';
import { measureWhitening, whiten } from '../../src/data/whitening.ts';
import { tensor } from '../../src/engine/create.ts';
import { liveTensors, scope } from '../../src/engine/memory.ts';
import { RandomStream } from '../../src/random/stream.ts';

const size = 4;
const count = 23;
const random = new RandomStream('images');
const bytes = Uint8Array.from({ length: count * 3 * size * size }, () => random.integer(200));
const from = {
  images: tensor(bytes, [count, 3, size, size]),
  labels: tensor(BigInt64Array.from({ length: count }, (_, index) => BigInt(index))), // an image's label is its number
};
const indices = Int32Array.from({ length: 20 }, (_, place) => place + 3); // the first three are held out
const whitening = { mean: [0, 0, 0], deviation: [1, 1, 1] };
const augmentation = { enlarge: 1.25, flip: true, cutout: 2 };

const training = (seed: number, batchSize = 6) =>
  new TrainingBatches({ from, indices, whitening, batchSize, seed, augmentation });

const labelsOf = (batches: TrainingBatches, epoch: number) =>
  Array.from({ length: batches.count }, (_, step) =>
    scope(() => [...batches.batch(epoch, step).labels.toArray()]),
  ).flat();

test('an epoch has each training image at most once, no held-out one, and omits those that fill no batch', () => {
  const batches = training(1);
  assert.equal(batches.count, 3);
  for (let epoch = 0; epoch < 20; epoch++) {
    const labels = labelsOf(batches, epoch);
    assert.equal(labels.length, 18);
    assert.equal(new Set(labels).size, 18);
    assert.ok(labels.every((label) => label >= 3 && label < count));
  }
});

test('every epoch has its own order, and all images are used', () => {
  const batches = training(1);
  assert.notDeepEqual(labelsOf(batches, 0), labelsOf(batches, 1));
  const seen = new Set(Array.from({ length: 20 }, (_, epoch) => labelsOf(batches, epoch)).flat());
  assert.equal(seen.size, 20);
});

test('a batch depends only on seed, epoch and step: in any order of calls it has the same bits', () => {
  const bits = (batches: TrainingBatches, epoch: number, step: number) =>
    scope(() => {
      const { images, labels } = batches.batch(epoch, step);
      return [...images.toArray(), ...labels.toArray()];
    });
  const forwards = training(7);
  const inOrder = [0, 1].flatMap((epoch) => [0, 1, 2].map((step) => bits(forwards, epoch, step)));
  const backwards = training(7);
  const reversed = [1, 0].flatMap((epoch) => [2, 1, 0].map((step) => bits(backwards, epoch, step)));
  assert.deepEqual(reversed.reverse(), inOrder);
  assert.notDeepEqual(bits(training(8), 0, 0), inOrder[0]);
});

test('flips that alternate show every image one way in one epoch and the other way in the next, half of them mirrored first', () => {
  const many = Int32Array.from({ length: 400 }, (_, place) => place % count);
  const still = { enlarge: 1, flip: 'alternate', cutout: 0 } as const;
  const source = { from, indices: many, whitening, batchSize: 8, augmentation: still };
  const batches = new TrainingBatches({ ...source, seed: 3 });
  const ofStill = new TrainingBatches({ ...source, seed: 3, augmentation: { ...still, flip: false } });
  /** Whether each of the images of an epoch is mirrored; the images themselves have no symmetry. */
  const mirrored = (epoch: number): Map<string, number[]> => {
    const found = new Map<string, number[]>();
    for (let step = batches.count - 1; step >= 0; step--) {
      scope(() => {
        const { images, labels } = batches.batch(epoch, step);
        const plain = ofStill.batch(epoch, step).images;
        labels.toArray().forEach((label, place) => {
          const [shown, stored] = [images.select(0, place), plain.select(0, place)].map((each) => [...each.toArray()]);
          const flipped = [...plain.select(0, place).flip([2]).toArray()];
          const way = [stored!, flipped].findIndex((pixels) => pixels.join() === shown!.join());
          assert.notEqual(way, -1, 'an image is as stored or mirrored');
          found.set(`${label}`, [...(found.get(`${label}`) ?? []), way]);
        });
      });
    }
    return found;
  };
  const [first, second, third] = [mirrored(0), mirrored(1), mirrored(2)];
  const total = (ways: Map<string, number[]>) => [...ways.values()].flat().reduce((sum, way) => sum + way, 0);
  for (const [label, ways] of first) {
    const sum = (some: number[]) => some.reduce((all, way) => all + way, 0);
    assert.equal(sum(ways) + sum(second.get(label)!), ways.length);
    assert.equal(sum(third.get(label)!), sum(ways));
  }
  assert.ok(Math.abs(total(first) - 200) < 50, `${total(first)} of 400`);
});

test('a batch of smaller images is that of the full ones, each pixel the mean of those under it', () => {
  scope(() => {
    const [full, small] = [training(1).batch(0, 0).images, training(1).batch(0, 0, 2).images];
    assert.deepEqual(small.shape, [6, 3, 2, 2]);
    assert.deepEqual(small.strides.slice(1), [1, 6, 3]);
    const pixels = full.toArray(); // [6, 3, 4, 4]
    small.toArray().forEach((value, place) => {
      const [image, y, x] = [Math.floor(place / 4), Math.floor((place % 4) / 2), place % 2];
      const at = (row: number, column: number) => pixels[16 * image + 4 * (2 * y + row) + 2 * x + column]!;
      const mean = (at(0, 0) + at(0, 1) + at(1, 0) + at(1, 1)) / 4;
      assert.ok(Math.abs(value - mean) < 1e-4, `${value}, not ${mean}`);
    });
  });
});

test('an image keeps its label', () => {
  const plain = new TrainingBatches({
    from,
    indices,
    whitening,
    batchSize: 6,
    seed: 1,
    augmentation: { enlarge: 1, flip: false, cutout: 0 },
  });
  scope(() => {
    const { images, labels } = plain.batch(0, 1);
    const pixels = images.toArray();
    for (const [place, label] of labels.toArray().entries()) {
      assert.deepEqual(
        [...pixels.subarray(place * 48, (place + 1) * 48)],
        [...bytes.subarray(label * 48, (label + 1) * 48)],
      );
    }
  });
});

test('fewer images than a batch make one small batch', () => {
  const batches = training(1, 64);
  assert.equal(batches.count, 1);
  assert.equal(labelsOf(batches, 0).length, 20);
});

test('evaluation shows all images in order and whitened, the last batch smaller', () => {
  const batches = new EvaluationBatches({
    from,
    batchSize: 10,
    view: { mean: [10, 20, 30], deviation: [2, 4, 5] },
  });
  assert.equal(batches.count, 3);
  const labels: number[] = [];
  for (let step = 0; step < batches.count; step++) {
    scope(() => {
      const batch = batches.batch(step);
      const first = labels.length;
      labels.push(...batch.labels.toArray());
      const pixels = batch.images.toArray();
      for (const [channel, [mean, deviation]] of [
        [10, 2],
        [20, 4],
        [30, 5],
      ].entries()) {
        const expected = (bytes[(first * 3 + channel) * 16]! - mean!) / deviation!;
        assert.ok(Math.abs(pixels[channel * 16]! - expected) < 1e-4);
      }
      assert.deepEqual(batch.images.strides.slice(1), [1, 12, 3]);
    });
  }
  assert.deepEqual(
    labels,
    Array.from({ length: count }, (_, index) => index),
  );
  assert.deepEqual(
    [...batches].map((batch) => batch.labels.shape[0]),
    [10, 10, 3],
  );
});

test('whitening gives the chosen images mean 0 and deviation 1 in every channel', () => {
  const measured = measureWhitening(from.images, indices);
  scope(() => {
    const chosen = from.images.narrow(0, 3, 20).to('float32');
    const pixels = whiten(chosen, measured);
    for (let channel = 0; channel < 3; channel++) {
      const values = [...pixels.select(1, channel).toArray()];
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
      assert.ok(Math.abs(mean) < 1e-5, `${mean}`);
      assert.ok(Math.abs(variance - 1) < 1e-5, `${variance}`);
    }
  });
});

test('the measurement uses only the chosen images, in any order, and survives a channel that never changes', () => {
  const other = Int32Array.of(5, 1, 9);
  assert.notDeepEqual(measureWhitening(from.images, other), measureWhitening(from.images, indices));
  assert.deepEqual(measureWhitening(from.images, other), measureWhitening(from.images, other.toSorted()));
  const flat = tensor(new Uint8Array(48).fill(7), [1, 3, 4, 4]);
  assert.deepEqual(measureWhitening(flat, Int32Array.of(0)), { mean: [7, 7, 7], deviation: [1, 1, 1] });
});

test('a hundred batches leave no tensor behind', () => {
  const batches = training(1);
  const make = () => scope(() => void batches.batch(0, 0));
  make();
  const before = liveTensors();
  for (let time = 0; time < 100; time++) make();
  assert.equal(liveTensors(), before);
});

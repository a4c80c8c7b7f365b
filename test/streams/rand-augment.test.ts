// The changes of RandAugment by hand, random erasing by its limits, and both within a view.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RandomStream } from '../../src/random/stream.ts';
import { showPicture, type TrainingView } from '../../src/streams/picture-view.ts';
import { augmentOperations, randAugment } from '../../src/streams/rand-augment.ts';
import { randomErasing } from '../../src/streams/random-erasing.ts';
import { jpeg } from './written.ts';

/** A square whose three channels have the same values. */
const greyOf = (values: readonly number[]) => Uint8Array.from(values.flatMap((value) => [value, value, value]));
const greysIn = (pixels: Uint8Array) => [...pixels].filter((_, at) => at % 3 === 0);
const random = (size: number, seed = 'pixels') => {
  const stream = new RandomStream(seed);
  return Uint8Array.from({ length: 3 * size * size }, () => stream.integer(256));
};
function changed(name: string, pixels: Uint8Array, level: number, sign = 1): Uint8Array {
  const result = pixels.slice();
  augmentOperations[name]!(result, Math.sqrt(pixels.length / 3), level, sign);
  return result;
}

test('tables of values: contrast stretched, histogram equalized, few bits, inverted above a threshold', () => {
  assert.deepEqual(greysIn(changed('autoContrast', greyOf([50, 100, 150, 100]), 0)), [0, 127, 255, 127]);
  assert.deepEqual(greysIn(changed('autoContrast', greyOf([9, 9, 9, 9]), 0)), [9, 9, 9, 9]);
  assert.deepEqual(greysIn(changed('posterize', greyOf([255, 37, 128, 15]), 1)), [240, 32, 128, 0]); // 4 bits
  assert.deepEqual(greysIn(changed('solarize', greyOf([255, 128, 127, 0]), 0.5)), [0, 127, 127, 0]);
  const values = Array.from({ length: 1024 }, (_, at) => (at < 512 ? 10 : 11));
  const equalized = greysIn(changed('equalize', greyOf(values), 0)); // in steps of 512 / 255 = 2 pixels
  assert.deepEqual(new Set(equalized), new Set([0, 255]));
});

test('colours move from grey, from the mean, from black and from the smoothed picture', () => {
  const red = Uint8Array.of(200, 100, 50, 200, 100, 50, 200, 100, 50, 200, 100, 50); // its grey is 124
  assert.deepEqual([...changed('colour', red, 1, -1).subarray(0, 3)], [131, 121, 116]); // 124 + 0.1 · 76 …
  assert.deepEqual(greysIn(changed('contrast', greyOf([100, 50, 100, 50]), 1, -1)), [77, 72, 77, 72]); // mean 75
  assert.deepEqual(greysIn(changed('brightness', greyOf([100, 200, 0, 10]), 0.5, 1)), [145, 255, 0, 14]);
  const point = greyOf([0, 0, 0, 0, 130, 0, 0, 0, 0]);
  assert.deepEqual(greysIn(changed('sharpness', point, 1, -1)), [0, 0, 0, 0, 58, 0, 0, 0, 0]); // 50 + 0.1 · 80
});

test('pictures are moved, sheared and turned around their centre, and grey is left', () => {
  const square = greyOf([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual(greysIn(changed('translateX', square, 0.75)), [2, 3, 128, 5, 6, 128, 8, 9, 128]); // 1.02 pixels
  assert.deepEqual(greysIn(changed('translateY', square, 0.75, -1)), [128, 128, 128, 1, 2, 3, 4, 5, 6]);
  assert.deepEqual(greysIn(changed('rotate', square, 3)), [7, 4, 1, 8, 5, 2, 9, 6, 3]); // 90°
  assert.deepEqual(greysIn(changed('rotate', square, 6)), [9, 8, 7, 6, 5, 4, 3, 2, 1]); // 180°
  const sheared = greysIn(changed('shearX', square, 1 / 0.3)); // x + y: the rows move by half a pixel, 1.5 and 2.5
  assert.deepEqual(sheared, [2, 3, 128, 6, 128, 128, 128, 128, 128]);
  assert.deepEqual(greysIn(changed('shearY', square, 1 / 0.3)), [4, 8, 128, 7, 128, 128, 128, 128, 128]);
});

test('at strength 0 nothing that has a strength changes a picture', () => {
  const pixels = random(9);
  for (const name of Object.keys(augmentOperations))
    if (name !== 'autoContrast' && name !== 'equalize')
      for (const sign of [-1, 1]) assert.deepEqual(changed(name, pixels, 0, sign), pixels, name);
  assert.equal(Object.keys(augmentOperations).length, 14);
});

test('the paper’s strength changes pictures, as the seed says', () => {
  const pixels = random(16);
  const augmented = (seed: number) => {
    const copy = pixels.slice();
    randAugment(
      copy,
      16,
      { operations: 2, magnitude: 9 }, // the paper's of ResNet-50 on ImageNet
      new RandomStream(seed),
    );
    return copy;
  };
  assert.deepEqual(augmented(3), augmented(3));
  const results = new Set(Array.from({ length: 50 }, (_, seed) => augmented(seed).join()));
  assert.ok(results.size > 40, `${results.size}`);
});

test('random erasing fills one rectangle within its limits, as often as asked', () => {
  const size = 40;
  const stream = new RandomStream('erasing');
  let [erased, smallest, largest] = [0, 1, 0];
  for (let number = 0; number < 2000; number++) {
    const pixels = new Uint8Array(3 * size * size);
    randomErasing(pixels, size, 0.25, stream);
    const marked = Array.from({ length: size * size }, (_, at) =>
      pixels.subarray(3 * at, 3 * at + 3).some((value) => value > 0) ? at : -1,
    ).filter((at) => at >= 0);
    if (marked.length === 0) continue;
    erased++;
    const rows = marked.map((at) => Math.floor(at / size));
    const columns = marked.map((at) => at % size);
    const height = Math.max(...rows) - Math.min(...rows) + 1;
    const width = Math.max(...columns) - Math.min(...columns) + 1;
    assert.ok(marked.length >= height * width - 1, 'it is a rectangle'); // noise is black once in 2²⁴
    const share = (height * width) / (size * size);
    [smallest, largest] = [Math.min(smallest, share), Math.max(largest, share)];
  }
  assert.ok(erased > 440 && erased < 560, `${erased} of 2,000`);
  assert.ok(smallest > 0.015 && smallest < 0.03 && largest > 0.3 && largest < 0.36, `${smallest} to ${largest}`);
});

test('a view makes them after the crop', async () => {
  const bytes = await jpeg(1, 64, 64);
  const view: TrainingView = { kind: 'training', crop: { area: [1, 1], aspect: [1, 1] }, flip: true, colour: false };
  const shown = async (more: Partial<TrainingView>) => {
    const target = new Uint8Array(3 * 64 * 64);
    await showPicture(bytes, { ...view, ...more }, 64, new RandomStream(8), target);
    return target;
  };
  const plain = await shown({});
  for (const more of [{ erasing: 1 }, { randAugment: { operations: 1, magnitude: 10 } }])
    assert.notDeepEqual(await shown(more), plain);
  assert.deepEqual(await shown({ erasing: 0, randAugment: { operations: 0, magnitude: 9 } }), plain);
});

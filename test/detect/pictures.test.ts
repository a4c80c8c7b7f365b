// Where pictures and their objects lie in a network's input, by hand and by the pixels themselves.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import sharp from 'sharp';
import type { TruthBox } from '../../src/coco/box.ts';
import {
  framePicture,
  inPicture,
  pictureBatch,
  randomPlacement,
  testPlacement,
  truthOf,
} from '../../src/detect/pictures.ts';
import { InputError } from '../../src/failure.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { assertClose } from '../engine/definition.ts';

const folder = mkdtempSync(join(tmpdir(), 'nasnet-pictures-'));
after(() => rmSync(folder, { recursive: true }));

const box = (x: number, y: number, width: number, height: number, crowd = false): TruthBox => ({
  x, y, width, height, crowd, category: 3, area: width * height, id: 1,
}); // biome-ignore format: a table

test('a picture that is stretched fills the input; one that fits keeps its aspect', () => {
  const objects = { boxes: [box(20, 10, 40, 20), box(0, 0, 10, 10, true)] };
  const stretched = testPlacement([100, 200], [50, 50], 'stretch');
  assert.deepEqual(truthOf(objects, stretched), {
    boxes: Float32Array.of(5, 5, 15, 15),
    labels: Int32Array.of(3), // the crowd is not learnt
    extent: [50, 50],
  });
  const fitted = testPlacement([100, 200], [50, 50], 'fit');
  assert.deepEqual([...truthOf(objects, fitted).boxes], [5, 2.5, 15, 7.5]);
  assert.deepEqual(fitted.extent, [25, 50]);
});

test('boxes of the input come back to the picture', () => {
  const placement = testPlacement([300, 401], [128, 96], 'fit');
  const { boxes } = truthOf({ boxes: [box(33, 44, 200, 77)] }, placement);
  assertClose(inPicture(boxes, placement), [33, 44, 233, 121], 1e-3, 'boxes');
});

test('an object outside of the part that is left is not learnt, one at its edge is cut', () => {
  const placement = {
    scale: [1, 1], offset: [10, 20], size: [100, 100], extent: [50, 60], isFlipped: false,
  } as const; // biome-ignore format: a row
  const objects = { boxes: [box(0, 0, 10, 10), box(15, 30, 20, 20), box(70, 0, 50, 70)] };
  assert.deepEqual([...truthOf(objects, placement).boxes], [0, 20, 15, 40, 50, 0, 60, 50]);
});

/** A picture of dark noise with one bright rectangle, as PNG. */
async function rectangle(width: number, height: number, { x, y, width: wide, height: high }: TruthBox, exif?: number) {
  const pixels = Buffer.alloc(3 * width * height);
  for (let row = y; row < y + high; row++) pixels.fill(255, 3 * (row * width + x), 3 * (row * width + x + wide));
  const image = sharp(pixels, { raw: { width, height, channels: 3 } });
  return exif ? image.withMetadata({ orientation: exif }).jpeg({ quality: 100 }).toBuffer() : image.png().toBuffer();
}

test('the pixels of an object lie in its box, in 200 random placements of pictures smaller and larger than the input', async () => {
  const random = new RandomStream(9);
  const input = [64, 80] as const;
  let seen = 0;
  for (let turn = 0; turn < 200; turn++) {
    const [width, height] = [40 + random.integer(100), 40 + random.integer(100)];
    const object = box(random.integer(20), random.integer(20), 12 + random.integer(8), 12 + random.integer(8));
    const framing = turn % 2 === 0 ? 'fit' : 'stretch';
    const { pixels, placement } = await framePicture(await rectangle(width, height, object), input, (size) =>
      randomPlacement(size, input, framing, { flip: true, jitter: [0.5, 2] }, random),
    );
    const { boxes } = truthOf({ boxes: [object] }, placement);
    if (boxes.length === 0) continue;
    seen += 1;
    const bright: [number[], number[]] = [[], []];
    for (let place = 0; place < pixels.length; place += 3) {
      if (pixels[place]! <= 135) continue; // half of 255, and more than the grey beside the picture
      bright[0].push((place / 3) % input[1]);
      bright[1].push(Math.floor(place / 3 / input[1]));
    }
    if (bright[0].length === 0) continue; // a sliver at the edge
    const found = [
      Math.min(...bright[0]),
      Math.min(...bright[1]),
      Math.max(...bright[0]) + 1,
      Math.max(...bright[1]) + 1,
    ];
    const tolerance = 1 + Math.max(...placement.scale) / 2;
    for (const [index, place] of found.entries())
      assert.ok(Math.abs(place - boxes[index]!) <= tolerance, `turn ${turn}: ${found} ${boxes}`);
  }
  assert.ok(seen > 150);
});

for (const resizing of ['exact', 'fast'] as const) {
  test(`the middle of an object is the middle of its box, whether its picture shrinks or grows: ${resizing}`, async () => {
    const object = box(14, 10, 9, 12);
    const file = await rectangle(40, 40, object);
    for (const input of [
      [80, 80],
      [40, 40],
      [100, 25],
      [24, 24],
    ] as const) {
      const placed = (size: readonly [number, number]) => testPlacement(size, input, 'stretch');
      const { pixels, placement } = await framePicture(file, input, placed, resizing);
      const sums = [0, 0, 0]; // of brightness, and of it times x and y
      for (let place = 0; place < pixels.length; place += 3) {
        const [x, y] = [(place / 3) % input[1], Math.floor(place / 3 / input[1])];
        for (const [index, factor] of [1, x + 0.5, y + 0.5].entries()) sums[index]! += factor * pixels[place]!;
      }
      const [x1, y1, x2, y2] = truthOf({ boxes: [object] }, placement).boxes as unknown as number[];
      const middle = [sums[1]! / sums[0]!, sums[2]! / sums[0]!];
      assertClose(middle, [(x1! + x2!) / 2, (y1! + y2!) / 2], 0.1, `${input}`);
    }
  });
}

test('a picture is turned upright by EXIF, so that boxes of the upright view fit', async () => {
  // Orientation 6: the stored picture is shown turned by 90° clockwise. Stored 40 × 20, shown 20 × 40.
  const file = join(folder, 'turned.jpg');
  writeFileSync(file, await rectangle(40, 20, box(0, 0, 10, 10), 6));
  const { pixels, placement } = await framePicture(file, [40, 20], (size) => testPlacement(size, [40, 20], 'fit'));
  assert.deepEqual(placement.size, [40, 20]);
  const at = (x: number, y: number) => pixels[3 * (y * 20 + x)]!;
  assert.ok(at(15, 5) > 200 && at(5, 5) < 50); // the stored top left corner is shown at the top right
});

test('a file that is no picture is named', async () => {
  const file = join(folder, 'none.jpg');
  writeFileSync(file, 'text');
  await assert.rejects(
    framePicture(file, [64, 64], (size) => testPlacement(size, [64, 64], 'fit')),
    (error) => error instanceof InputError && error.message.startsWith(`${file}: expected an image`),
  );
});

test('a batch is from −1 to 1, and its grey is near 0', () => {
  using images = pictureBatch([Uint8Array.of(0, 255, 128, 255, 0, 127)], [1, 2], 'cpu');
  assert.deepEqual(images.shape, [1, 3, 1, 2]);
  assertClose(images.toArray(), [-1, 1, 1, -1, 1 / 255, -1 / 255], 1e-6, 'values');
});

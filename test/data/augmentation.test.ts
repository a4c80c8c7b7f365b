// Augmentation against plain numbers: enlargement, crops, flips, cutout, and that a seed decides every bit.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { augment, enlarge } from '../../src/data/augmentation.ts';
import type { Augmentation } from '../../src/data/augmentations.ts';
import { tensor } from '../../src/engine/create.ts';
import { scope } from '../../src/engine/memory.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { RandomStream } from '../../src/random/stream.ts';

/** Leaves bytes as they are. */
const asTheyAre = { mean: [0, 0, 0], deviation: [1, 1, 1] };
const nothing: Augmentation = { enlarge: 1, flip: false, cutout: 0 };

function randomImages(count: number, size: number, seed: number): { bytes: Uint8Array; images: Tensor } {
  const random = new RandomStream(seed);
  const bytes = Uint8Array.from({ length: count * 3 * size * size }, () => random.integer(256));
  return { bytes, images: tensor(bytes, [count, 3, size, size]) };
}

/** Images that are 1 everywhere. */
const flat = (count: number, size: number) =>
  tensor(new Uint8Array(count * 3 * size * size).fill(1), [count, 3, size, size]);

function augmented(images: Tensor, options: Partial<Augmentation>, seed: number, whitening = asTheyAre): number[] {
  return scope(() => [...augment(images, whitening, { ...nothing, ...options }, new RandomStream(seed)).toArray()]);
}

/** Bilinear enlargement of one plane in plain numbers, from its definition. */
function enlargePlane(plane: ArrayLike<number>, size: number, side: number): number[] {
  const at = (place: number) => {
    const position = Math.max(0, ((place + 0.5) * size) / side - 0.5);
    const low = Math.min(size - 1, Math.floor(position));
    return { low, high: Math.min(size - 1, low + 1), part: position - low };
  };
  return Array.from({ length: side * side }, (_, pixel) => {
    const [y, x] = [at(Math.floor(pixel / side)), at(pixel % side)];
    const row = (line: number) => plane[line * size + x.low]! * (1 - x.part) + plane[line * size + x.high]! * x.part;
    return row(y.low) * (1 - y.part) + row(y.high) * y.part;
  });
}

const close = (a: ArrayLike<number>, b: ArrayLike<number>, tolerance: number) =>
  a.length === b.length && Array.from(a).every((value, place) => Math.abs(value - b[place]!) <= tolerance);

test('2 × 2 to 4 × 4: quarters between, edges repeated', () => {
  const enlarged = enlarge(tensor([0, 4, 8, 12], [1, 1, 2, 2]), 4).toArray();
  assert.deepEqual([...enlarged], [0, 1, 3, 4, 2, 3, 5, 6, 6, 7, 9, 10, 8, 9, 11, 12]);
});

test('enlarging agrees with the definition in plain numbers', () => {
  const { bytes, images } = randomImages(1, 32, 1);
  const enlarged = enlarge(images.to('float32'), 40).toArray();
  for (let channel = 0; channel < 3; channel++) {
    const expected = enlargePlane(bytes.subarray(channel * 1024, (channel + 1) * 1024), 32, 40);
    assert.ok(close(enlarged.subarray(channel * 1600, (channel + 1) * 1600), expected, 1e-3));
  }
});

test('every augmented image is a 32 × 32 part of its 40 × 40 enlargement or of its mirror image', () => {
  const count = 40;
  const { bytes, images } = randomImages(count, 32, 2);
  const pixels = augmented(images, { enlarge: 40 / 32, flip: true }, 5);
  const places = new Set<string>();
  let mirrored = 0;
  for (let image = 0; image < count; image++) {
    const red = Array.from(bytes.subarray(image * 3072, image * 3072 + 1024));
    const got = pixels.slice(image * 3072, image * 3072 + 1024);
    const found: string[] = [];
    for (const mirror of [false, true]) {
      const seen = mirror ? red.map((_, pixel) => red[pixel - (pixel % 32) + 31 - (pixel % 32)]!) : red;
      const large = enlargePlane(seen, 32, 40);
      for (let top = 0; top <= 8; top++) {
        for (let left = 0; left <= 8; left++) {
          const part = got.map((_, pixel) => large[(top + Math.floor(pixel / 32)) * 40 + left + (pixel % 32)]!);
          if (close(got, part, 1e-3)) found.push(`${mirror} ${top} ${left}`);
        }
      }
    }
    assert.equal(found.length, 1, `image ${image} fits ${found.length} places`);
    places.add(found[0]!);
    if (found[0]!.startsWith('true')) mirrored += 1;
  }
  assert.ok(places.size > 25, `${places.size} different places`);
  assert.ok(mirrored > 5 && mirrored < 35, `${mirrored} mirrored`);
});

test('every moved image is a part of the image with two reflected rows and columns on every side', () => {
  const count = 60;
  const { bytes, images } = randomImages(count, 16, 4);
  const pixels = augmented(images, { translate: 1 / 8 }, 6);
  const reflected = (place: number) => (place < 0 ? -place : place > 15 ? 30 - place : place);
  const places = new Set<string>();
  for (let image = 0; image < count; image++) {
    const [red, got] = [bytes.subarray(image * 768, image * 768 + 256), pixels.slice(image * 768, image * 768 + 256)];
    for (let down = -2; down <= 2; down++) {
      for (let across = -2; across <= 2; across++) {
        const part = got.map((_, pixel) => {
          const [y, x] = [reflected(Math.floor(pixel / 16) + down), reflected((pixel % 16) + across)];
          return red[16 * y + x]!;
        });
        if (close(got, part, 0)) places.add(`${image} ${down} ${across}`);
      }
    }
  }
  assert.equal(places.size, count, 'each image fits one place');
  assert.ok(new Set([...places].map((place) => place.split(' ').slice(1).join(' '))).size > 15, 'of 25 places');
});

test('all nine by nine places of the crop occur about equally often', () => {
  const count = 8100;
  // Ramps along y and along x: enlarged twice they stay linear, so the pixel in the middle tells the place of the crop.
  const size = 8;
  const bytes = new Uint8Array(count * 3 * size * size);
  for (let index = 0; index < bytes.length; index++) {
    const [channel, y, x] = [Math.floor(index / 64) % 3, Math.floor(index / 8) % 8, index % 8];
    bytes[index] = channel === 0 ? 20 * y : 20 * x;
  }
  const pixels = augmented(tensor(bytes, [count, 3, size, size]), { enlarge: 2 }, 9); // to 16, so 9 places a side
  const centre = 4 * size + 4;
  const places = new Map<string, number>();
  for (let image = 0; image < count; image++) {
    const [y, x] = [0, 1].map((channel) => pixels[(image * 3 + channel) * 64 + centre]!); // 10 · (place + 4) − 5
    const place = `${Math.round((y! + 5) / 10 - 4)} ${Math.round((x! + 5) / 10 - 4)}`;
    places.set(place, (places.get(place) ?? 0) + 1);
  }
  assert.equal(places.size, 81);
  for (const times of places.values()) assert.ok(times > 50 && times < 150, `${times}`); // 100 ± 5 deviations
});

test('half of the images are mirrored, exactly and whole', () => {
  const count = 2000;
  const { bytes, images } = randomImages(count, 4, 3);
  const pixels = augmented(images, { flip: true }, 4);
  let mirrored = 0;
  for (let image = 0; image < count; image++) {
    const before = Array.from(bytes.subarray(image * 48, (image + 1) * 48));
    const after = pixels.slice(image * 48, (image + 1) * 48);
    const mirror = before.map((_, pixel) => before[pixel - (pixel % 4) + 3 - (pixel % 4)]!);
    const isMirror = close(after, mirror, 0);
    assert.ok(isMirror || close(after, before, 0));
    if (isMirror) mirrored += 1;
  }
  assert.ok(Math.abs(mirrored - 1000) < 110, `${mirrored} of 2000`); // 5 deviations of 22
});

test('cutout blanks one square of its size in all channels, cut at the edges, around every pixel alike', () => {
  const count = 3000;
  const size = 8;
  const side = 4;
  const pixels = augmented(flat(count, size), { cutout: side }, 6);
  const blankedTimes = new Array(size * size).fill(0);
  let whole = 0;
  for (let image = 0; image < count; image++) {
    const [red, green, blue] = [0, 1, 2].map((channel) =>
      pixels.slice((image * 3 + channel) * 64, (image * 3 + channel + 1) * 64),
    );
    assert.deepEqual(red, green);
    assert.deepEqual(red, blue);
    const blanked = red!.flatMap((value, pixel) => (value === 0 ? [pixel] : []));
    assert.ok(red!.every((value) => value === 0 || value === 1));
    const rows = new Set(blanked.map((pixel) => Math.floor(pixel / size)));
    const columns = new Set(blanked.map((pixel) => pixel % size));
    assert.equal(blanked.length, rows.size * columns.size, 'a rectangle');
    assert.ok(rows.size >= side / 2 && rows.size <= side && columns.size >= side / 2 && columns.size <= side);
    if (blanked.length === side * side) whole += 1;
    for (const pixel of blanked) blankedTimes[pixel] += 1;
  }
  // 5 of the 8 centres along a side leave the square whole.
  assert.ok(Math.abs(whole / count - 25 / 64) < 0.05, `${whole / count}`);
  // A middle pixel is blanked by 4 × 4 of the 64 centres, a corner by fewer.
  assert.ok(Math.abs(blankedTimes[3 * size + 3] / count - 16 / 64) < 0.05);
});

test('cutout leaves the mean, 0, after whitening', () => {
  const whitening = { mean: [100, 0, 0], deviation: [2, 1, 1] };
  const pixels = augmented(flat(10, 8), { cutout: 4 }, 1, whitening);
  const red = pixels.filter((_, place) => Math.floor(place / 64) % 3 === 0);
  assert.deepEqual([...new Set(red)].map((value) => value + 0).sort(), [-49.5, 0]);
});

test('the same seed gives the same pixels to the last bit, another seed others', () => {
  const { images } = randomImages(16, 32, 8);
  const options = { enlarge: 1.25, flip: true, cutout: 16 };
  assert.deepEqual(augmented(images, options, 1), augmented(images, options, 1));
  assert.notDeepEqual(augmented(images, options, 1), augmented(images, options, 2));
});

test('pixels come out as float32 in channels_last', () => {
  const { images } = randomImages(2, 8, 1);
  for (const options of [nothing, { enlarge: 1.25, flip: true, cutout: 4 }]) {
    const pixels = augment(images, asTheyAre, options, new RandomStream(1));
    assert.deepEqual([...pixels.shape], [2, 3, 8, 8]);
    assert.deepEqual([...pixels.strides], [192, 1, 24, 3]);
    assert.equal(pixels.dtype, 'float32');
  }
});

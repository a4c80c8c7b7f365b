// Batches from streams: the same for a seed whatever the threads, crops by closed forms, and the pictures that other
// loaders stumble over.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import sharp from 'sharp';
import { datasetFraming } from '../../src/data/framing.ts';
import { type PictureDecoder, pictureDecoders } from '../../src/data/picture-decoder.ts';
import { prepareImage } from '../../src/data/prepare-image.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { epochOrder } from '../../src/streams/epoch-order.ts';
import type { MixedLabels } from '../../src/streams/mixing.ts';
import { openSource } from '../../src/streams/open-source.ts';
import { type PictureView, showPicture } from '../../src/streams/picture-view.ts';
import { copyChanged, inceptionCrop, randomCrop } from '../../src/streams/random-crop.ts';
import { StreamBatches, type StreamOptions } from '../../src/streams/stream-batches.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { jpeg, pictures, tar, writeClassTar, writeTfrecords } from './written.ts';

const training: PictureView = { kind: 'training', crop: inceptionCrop, flip: true, colour: true };
const evaluation: PictureView = { kind: 'evaluation', framing: datasetFraming };
const classes = ['ant', 'bee', 'cat'];

interface Seen {
  pixels: Buffer;
  labels: number[];
  places: number[];
  unreadable: string[];
  mixed: MixedLabels | undefined;
}

/** Reads batches [epoch, step] with options. */
async function batches(
  context: TestContext,
  path: string,
  steps: readonly [epoch: number, step: number][],
  options: Partial<StreamOptions> = {},
): Promise<Seen[]> {
  using source = await openSource(path, { cache: temporaryFolder(context) });
  await using stream = new StreamBatches(source, {
    size: 16,
    batchSize: 4,
    view: training,
    seed: 1,
    threads: 1,
    ...options,
  });
  const seen: Seen[] = [];
  for (const [epoch, step] of steps) {
    const { pixels, labels, places, unreadable, mixed } = await stream.batch(epoch, step);
    seen.push({ pixels: Buffer.from(pixels), labels: [...labels], places: [...places], unreadable, mixed });
  }
  return seen;
}

test('a seed gives the same batches whatever the threads, the format and the batches before', async (context) => {
  const folder = temporaryFolder(context);
  const all = await pictures(classes, 5);
  const path = writeClassTar(join(folder, 'train.tar'), all);
  const steps: [number, number][] = [
    [0, 0],
    [0, 1],
    [0, 2],
    [1, 0],
  ];
  const expected = await batches(context, path, steps);
  assert.deepEqual(await batches(context, path, steps, { threads: 3, ahead: 4 }), expected);
  const records = writeTfrecords(join(folder, 'records'), all, [2, 13]); // uneven shards
  assert.deepEqual(await batches(context, records, steps, { threads: 2 }), expected);
  assert.deepEqual(
    await batches(context, path, [
      [1, 0],
      [0, 2],
    ]),
    [expected[3], expected[2]],
  );
  assert.notDeepEqual((await batches(context, path, steps, { seed: 2 }))[0], expected[0]);
  const shown = expected.slice(0, 3).flatMap(({ places }) => places);
  assert.equal(new Set(shown).size, 12, 'an epoch shows no picture twice');
  assert.notDeepEqual(expected[3]!.places, expected[0]!.places);
  const labels = expected.flatMap(({ places }) => places.map((place) => Math.floor(place / 5)));
  assert.deepEqual(
    expected.flatMap((each) => each.labels),
    labels,
  );
});

test('mixed batches are the plain ones with parts of their partners, once, whatever the threads', async (context) => {
  const folder = temporaryFolder(context);
  const path = writeClassTar(join(folder, 'train.tar'), await pictures(classes, 5));
  const steps: [number, number][] = [0, 1, 2, 2, 0].map((step) => [0, step]);
  const plain = await batches(context, path, steps);
  const seen = await batches(context, path, steps, { mixing: { cutmix: 1 } });
  assert.deepEqual(await batches(context, path, steps, { mixing: { cutmix: 1 }, threads: 3 }), seen);
  assert.deepEqual(seen[3], seen[2], 'a batch that is asked for twice is mixed once');
  const bytes = 3 * 16 * 16;
  for (const [number, { pixels, labels, mixed }] of seen.entries()) {
    const own = plain[number]!;
    assert.deepEqual(labels, own.labels);
    assert.deepEqual([...mixed!.partners], own.labels.toReversed());
    for (const [place, weight] of mixed!.weights.entries()) {
      const [mine, partner] = [place, 3 - place].map((at) => own.pixels.subarray(at * bytes, (at + 1) * bytes));
      const shown = pixels.subarray(place * bytes, (place + 1) * bytes);
      assert.ok(shown.every((value, at) => value === mine![at] || value === partner![at]));
      assert.equal(shown.equals(mine!), weight === 1);
    }
  }
  assert.ok(seen.some(({ mixed }) => mixed!.weights[0]! < 1));
  assert.deepEqual(await batches(context, path, steps, { mixing: {} }), plain);
});

test('smaller batches are those of a stream of their size, mixed within a part as well, whatever the threads', async (context) => {
  const folder = temporaryFolder(context);
  const path = writeClassTar(join(folder, 'train.tar'), await pictures(classes, 5));
  const steps: [number, number][] = [
    [0, 0],
    [0, 1],
    [1, 2],
    [0, 1],
  ];
  const sideOf = (epoch: number, step: number) => (epoch === 0 && step < 2 ? 8 + step : undefined);
  for (const options of [{}, { mixing: { cutmix: 1 }, part: { index: 1, count: 2 }, batchSize: 5 }]) {
    const seen = await batches(context, path, steps, { ...options, sideOf });
    for (const [place, [epoch, step]] of steps.entries()) {
      const size = sideOf(epoch, step) ?? 16;
      assert.deepEqual(seen[place], (await batches(context, path, [[epoch, step]], { ...options, size }))[0]);
    }
    assert.deepEqual(await batches(context, path, steps, { ...options, sideOf, threads: 3, ahead: 4 }), seen);
  }
});

test('evaluation shows every picture in order, as a network sees an image file', async (context) => {
  const folder = temporaryFolder(context);
  const all = await pictures(classes, 2);
  const path = writeClassTar(join(folder, 'train.tar'), all);
  const seen = await batches(
    context,
    path,
    [
      [0, 0],
      [0, 1],
    ],
    { view: evaluation },
  );
  const expected = await Promise.all(all.map(({ bytes }) => prepareImage(bytes, datasetFraming, [16, 16])));
  assert.deepEqual(Buffer.concat(seen.map(({ pixels }) => pixels)), Buffer.concat(expected));
  assert.deepEqual(
    seen.flatMap(({ labels }) => labels),
    [0, 0, 1, 1, 2, 2],
  );
});

test('an unreadable picture is named; training shows the next one, evaluation none', async (context) => {
  const folder = temporaryFolder(context);
  const all = await pictures(classes, 2);
  const cut = await jpeg(3, 300, 300);
  all[1] = { ...all[1]!, bytes: cut.subarray(0, cut.length / 2) };
  const path = writeClassTar(join(folder, 'train.tar'), all);
  const [first, second] = await batches(
    context,
    path,
    [
      [0, 0],
      [0, 1],
    ],
    { view: evaluation },
  );
  assert.deepEqual(
    [first!.places, first!.labels],
    [
      [0, -1, 2, 3],
      [0, -1, 1, 1],
    ],
  );
  assert.match(first!.unreadable.join(), /^ant\/ant_1.JPEG: expected a picture, got .*/);
  assert.deepEqual(second!.unreadable, []);
  all[1] = { ...all[1]!, bytes: Buffer.from('no picture') };
  const seen = (await batches(context, writeClassTar(path, all), [[0, 0]], { batchSize: 6 }))[0]!;
  assert.deepEqual(seen.places.toSorted(), [0, 2, 2, 3, 4, 5]);
  assert.equal(seen.unreadable.length, 1);
});

test('of a part of the pictures only these are shown, each once an epoch, also in place of unreadable ones', async (context) => {
  const folder = temporaryFolder(context);
  const all = await pictures(classes, 4);
  all[4] = { ...all[4]!, bytes: Buffer.from('no picture') };
  const path = writeClassTar(join(folder, 'train.tar'), all);
  const places = Int32Array.of(0, 3, 4, 7, 8, 11);
  const steps: [number, number][] = [
    [0, 0],
    [0, 1],
    [1, 0],
  ];
  const seen = await batches(context, path, steps, { places, batchSize: 3, threads: 2 });
  const shown = [0, 3, 7, 7, 8, 11]; // 4 cannot be read; 5 and 6 are not among them
  assert.deepEqual(
    seen
      .slice(0, 2)
      .flatMap((each) => each.places)
      .toSorted((one, other) => one - other),
    shown,
  );
  assert.ok(seen[2]!.places.every((place) => shown.includes(place)));
  const evaluated = await batches(context, path, steps.slice(0, 2), { places, batchSize: 4, view: evaluation });
  assert.deepEqual(
    evaluated.map((each) => each.places),
    [
      [0, 3, -1, 7],
      [8, 11],
    ],
  );
  const ordered = { places, batchSize: 2, orderOf: (epoch: number) => Int32Array.of(0, epoch, 3, 3) };
  const [first, second] = await batches(
    context,
    path,
    [
      [0, 1],
      [1, 0],
    ],
    ordered,
  );
  assert.deepEqual(
    [first!.places, second!.places],
    [
      [3, 3],
      [0, 1],
    ],
  );
});

/** Shows one picture in training's view without chance: the whole of it, not mirrored. */
async function whole(bytes: Buffer, decoder: PictureDecoder, size = 8): Promise<Uint8Array> {
  const target = new Uint8Array(3 * size * size);
  const view: PictureView = { kind: 'training', crop: { area: [1, 1], aspect: [1, 1] }, flip: false, colour: false };
  await showPicture(bytes, view, size, new RandomStream(1), target, decoder);
  return target;
}

/** Left half red, right half blue. */
const halves = () => {
  const pixels = Buffer.alloc(3 * 64 * 64);
  for (let pixel = 0; pixel < 64 * 64; pixel++) pixels[3 * pixel + (pixel % 64 < 32 ? 0 : 2)] = 200;
  return sharp(pixels, { raw: { width: 64, height: 64, channels: 3 } });
};
const isNear = (pixels: Uint8Array, at: number, colour: readonly number[], allowed = 12) =>
  colour.every((value, channel) => Math.abs(pixels[3 * at + channel]! - value) <= allowed);

test('a PNG named .JPEG is read as what it is', async (context) => {
  const folder = temporaryFolder(context);
  const bytes = await halves().png().toBuffer();
  mkdirSync(join(folder, 'pictures'));
  const path = join(folder, 'pictures', 'shard.tar');
  writeFileSync(
    path,
    tar([
      { name: 'n02105855_2933.JPEG', bytes },
      { name: 'n02105855_2933.cls', bytes: Buffer.from('230') },
    ]),
  );
  const [seen] = await batches(context, path, [[0, 0]], { view: evaluation });
  assert.deepEqual(seen!.unreadable, []);
  assert.ok(isNear(seen!.pixels, 0, [200, 0, 0]));
});

test('a CMYK JPEG has its colours, whatever decodes JPEG', async () => {
  const bytes = await halves().toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer();
  assert.equal((await sharp(bytes).metadata()).space, 'cmyk');
  for (const decoder of pictureDecoders) {
    const shown = await whole(bytes, decoder);
    assert.ok(isNear(shown, 1, [200, 0, 0], 60) && shown[3]! > shown[5]! + 80, `${shown.subarray(3, 6)}`);
    assert.ok(shown[3 * 6 + 2]! > shown[3 * 6]! + 80, `${shown.subarray(18, 21)}`);
  }
});

test('a picture with an EXIF orientation is turned upright before it is cropped, whatever decodes JPEG', async () => {
  const bytes = await halves().withMetadata({ orientation: 6 }).jpeg({ quality: 100 }).toBuffer(); // turned clockwise
  for (const decoder of pictureDecoders) {
    const shown = await whole(bytes, decoder);
    assert.ok(isNear(shown, 3, [200, 0, 0]), 'the left half is now the upper one');
    assert.ok(isNear(shown, 8 * 7 + 3, [0, 0, 200]));
  }
});

test('of uneven shards an epoch shows every picture once, in another order each time', async (context) => {
  const all = await pictures(classes, 8);
  const path = writeTfrecords(join(temporaryFolder(context), 'records'), all, [1, 17, 2, 4]);
  const steps: [number, number][] = [0, 1].flatMap((epoch) => [0, 1, 2].map((step): [number, number] => [epoch, step]));
  const seen = await batches(context, path, steps, { batchSize: 8, threads: 2 });
  const epochs = [seen.slice(0, 3), seen.slice(3)].map((epoch) => epoch.flatMap(({ places }) => places));
  for (const places of epochs)
    assert.deepEqual(
      places.toSorted((one, other) => one - other),
      Array.from({ length: 24 }, (_, place) => place),
    );
  assert.notDeepEqual(epochs[0], epochs[1]);
  for (const { places, labels } of seen)
    assert.deepEqual(
      labels,
      places.map((place) => Math.floor(place / 8)),
    );
});

/**
 * Resizes a part of RGB bytes [height, width, 3] to a square: bilinear without antialiasing, as TensorFlow's
 * resize_bilinear, with the centres of pixels at halves.
 */
function resizePart(
  pixels: Uint8Array,
  width: number,
  part: { left: number; top: number; width: number; height: number },
  size: number,
): Uint8Array {
  const resized = new Uint8Array(3 * size * size);
  const columns = samples(part.width, size);
  const rows = samples(part.height, size);
  for (let y = 0; y < size; y++) {
    const upper = 3 * ((part.top + rows.first[y]!) * width + part.left);
    const lower = 3 * ((part.top + rows.second[y]!) * width + part.left);
    const down = rows.share[y]!;
    for (let x = 0; x < size; x++) {
      const left = 3 * columns.first[x]!;
      const right = 3 * columns.second[x]!;
      const across = columns.share[x]!;
      for (let channel = 0; channel < 3; channel++) {
        const above = pixels[upper + left + channel]! * (1 - across) + pixels[upper + right + channel]! * across;
        const below = pixels[lower + left + channel]! * (1 - across) + pixels[lower + right + channel]! * across;
        resized[3 * (y * size + x) + channel] = above * (1 - down) + below * down + 0.5;
      }
    }
  }
  return resized;
}

/** Returns, for each new pixel of a line, the two old ones next to its centre and the share of the second. */
function samples(length: number, size: number) {
  const [first, second, share] = [new Int32Array(size), new Int32Array(size), new Float64Array(size)];
  for (let place = 0; place < size; place++) {
    const centre = Math.min(length - 1, Math.max(0, ((place + 0.5) * length) / size - 0.5));
    first[place] = Math.floor(centre);
    second[place] = Math.min(length - 1, first[place]! + 1);
    share[place] = centre - first[place]!;
  }
  return { first, second, share };
}

test('a crop of a large JPEG agrees with the same crop of its decoded pixels', async () => {
  const pixels = Buffer.alloc(3 * 640 * 480);
  for (let y = 0; y < 480; y++)
    for (let x = 0; x < 640; x++) pixels.set([(255 * x) / 640, (255 * y) / 480, 128], 3 * (640 * y + x));
  const raw = { width: 640, height: 480, channels: 3 as const };
  const bytes = await sharp(pixels, { raw }).jpeg({ quality: 95 }).toBuffer();
  const view: PictureView = { ...training, flip: true, colour: false } as PictureView;
  for (let seed = 0; seed < 5; seed++) {
    const [one, other] = [new Uint8Array(3 * 32 * 32), new Uint8Array(3 * 32 * 32)];
    await showPicture(bytes, view, 32, new RandomStream(seed), one);
    const stream = new RandomStream(seed);
    const part = randomCrop(stream, [480, 640], inceptionCrop);
    copyChanged(resizePart(pixels, 640, part, 32), other, 32, { flip: stream.integer(2) === 1 });
    const far = one.reduce((most, value, index) => Math.max(most, Math.abs(value - other[index]!)), 0);
    assert.ok(far <= 9, `seed ${seed}: ${far} of 255`);
  }
});

test('random crops keep to the area and the aspect ratio, and reach their ends', () => {
  const stream = new RandomStream('crops');
  const crops = Array.from({ length: 4000 }, () => randomCrop(stream, [375, 500], inceptionCrop));
  const shares = crops.map(({ width, height }) => (width * height) / (375 * 500));
  const aspects = crops.map(({ width, height }) => width / height);
  assert.ok(Math.min(...shares) >= 0.1 && Math.min(...shares) < 0.12);
  assert.ok(Math.max(...shares) > 0.95);
  assert.ok(Math.min(...aspects) > 0.74 && Math.max(...aspects) < 1.35);
  for (const { left, top, width, height } of crops)
    assert.ok(left >= 0 && top >= 0 && left + width <= 500 && top + height <= 375);
  const lefts = new Set(crops.map(({ left }) => left));
  assert.ok(lefts.size > 200);
  assert.deepEqual(randomCrop(stream, [1, 500], inceptionCrop), { left: 0, top: 0, width: 500, height: 1 });
});

test('colours: brightness adds, saturation moves the smaller channels from the largest', () => {
  const changed = (colours: { brightness: number; saturation: number; brightnessFirst: boolean }) => {
    const target = new Uint8Array(3);
    copyChanged(Uint8Array.of(200, 100, 50), target, 1, { flip: false, colours });
    return [...target];
  };
  assert.deepEqual(changed({ brightness: 0.1, saturation: 1, brightnessFirst: true }), [226, 126, 76]); // 25.5
  assert.deepEqual(changed({ brightness: 0, saturation: 0.5, brightnessFirst: false }), [200, 150, 125]);
  assert.deepEqual(changed({ brightness: 0, saturation: 2, brightnessFirst: false }), [200, 67, 0]); // S was 0.75, is 1
  const mirrored = new Uint8Array(12);
  copyChanged(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), mirrored, 2, { flip: true });
  assert.deepEqual([...mirrored], [4, 5, 6, 1, 2, 3, 10, 11, 12, 7, 8, 9]);
});

test('an epoch shows every picture once, and where runs are read together their pictures are near', () => {
  const stream = new RandomStream(3);
  for (const run of [1, 100]) {
    const order = epochOrder({ count: 10_001, run, kind: 'parquet' }, stream);
    assert.deepEqual(
      [...order].sort((one, other) => one - other),
      Array.from({ length: 10_001 }, (_, place) => place),
    );
    assert.notDeepEqual(order, epochOrder({ count: 10_001, run, kind: 'parquet' }, new RandomStream(4)));
    if (run > 1) assert.ok(new Set(order.slice(0, 100).map((place) => Math.floor(place / 100))).size <= 2);
  }
});

test('a damaged source ends the batches with a sentence', async (context) => {
  const folder = temporaryFolder(context);
  const path = writeClassTar(join(folder, 'train.tar'), await pictures(classes, 6));
  const bytes = readFileSync(path);
  const start = Buffer.from([0xff, 0xd8, 0xff]);
  for (let at = bytes.indexOf(start); at !== -1; at = bytes.indexOf(start)) bytes.fill(0, at, at + 20);
  writeFileSync(path, bytes);
  await assert.rejects(batches(context, path, [[0, 0]]), /16 pictures one after another could not be read: \w+\/\w+/);
});

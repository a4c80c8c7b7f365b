// The addon's decoder of JPEG: what it takes, how it resizes (against sums in double precision), and that it shows what
// sharp shows.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { plainJpeg } from '../../src/data/jpeg-head.ts';
import { pictureDecoder } from '../../src/data/picture-decoder.ts';
import { prepareImage } from '../../src/data/prepare-image.ts';
import { nativeJpegDecoder, showJpeg, showPixels } from '../../src/engine/picture-part.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { type PictureView, showPicture } from '../../src/streams/picture-view.ts';
import { copyChanged, inceptionCrop, randomColours } from '../../src/streams/random-crop.ts';
import { temporaryFolder } from '../data/temporary.ts';

const lacksDecoder = nativeJpegDecoder() === undefined && 'the addon was compiled without libjpeg-turbo';
const upright = { flip: false };

/** Smooth waves in three colours, and an edge. */
function waves(width: number, height: number): Buffer {
  const pixels = Buffer.alloc(3 * width * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let channel = 0; channel < 3; channel++) {
        const wave = 100 + 60 * Math.sin((x * (channel + 1)) / 23) * Math.cos(y / (17 + channel));
        pixels[3 * (y * width + x) + channel] = wave + (x > width / 3 ? 60 : 0);
      }
  return pixels;
}
const encoded = (pixels: Buffer, width: number, height: number) =>
  sharp(pixels, { raw: { width, height, channels: 3 } });

interface Part {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Resizes with a triangle that is widened where the part shrinks, as Pillow does after a crop. */
function resized(pixels: Uint8Array, across: number, { left, top, width, height }: Part, size: number): Float64Array {
  const weights = (length: number) =>
    Array.from({ length: size }, (_, place) => {
      const scale = length / size;
      const support = Math.max(1, scale);
      const all = Array.from({ length }, (_, at) =>
        Math.max(0, 1 - Math.abs(at + 0.5 - (place + 0.5) * scale) / support),
      );
      const sum = all.reduce((total, weight) => total + weight, 0);
      return all.map((weight) => weight / sum);
    });
  const [rows, columns] = [weights(height), weights(width)];
  const result = new Float64Array(3 * size * size);
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++)
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        for (const [row, down] of rows[y]!.entries()) {
          if (down === 0) continue;
          for (const [column, weight] of columns[x]!.entries())
            if (weight !== 0) sum += down * weight * pixels[3 * ((top + row) * across + left + column) + channel]!;
        }
        result[3 * (y * size + x) + channel] = sum;
      }
  return result;
}

const furthest = (one: ArrayLike<number>, other: ArrayLike<number>): number =>
  Array.from(one).reduce((most, value, at) => Math.max(most, Math.abs(value - other[at]!)), 0);

const meanDistance = (one: Uint8Array, other: Uint8Array): number =>
  one.reduce((sum, value, at) => sum + Math.abs(value - other[at]!), 0) / one.length;

test('parts of stored pixels are resized as in double precision, within a byte, for any part and odd sizes', (context) => {
  const [width, height, offset] = [61, 47, 13];
  const pixels = waves(width, height);
  const path = join(temporaryFolder(context), 'pixels');
  writeFileSync(path, Buffer.concat([Buffer.alloc(offset), pixels]));
  const file = openSync(path, 'r');
  const parts: [Part, number][] = [
    [{ left: 0, top: 0, width, height }, 21], // shrinks
    [{ left: 60, top: 46, width: 1, height: 1 }, 5], // one pixel
    [{ left: 3, top: 5, width: 20, height: 9 }, 33], // grows
    [{ left: 10, top: 0, width: 51, height: 8 }, 16], // shrinks across, grows down
    [{ left: 7, top: 6, width: 24, height: 24 }, 24], // stays
  ];
  for (const [part, size] of parts) {
    const target = new Uint8Array(new SharedArrayBuffer(3 * size * size));
    assert.ok(showPixels({ file, offset, height, width }, part, size, upright, target));
    const far = furthest(target, resized(pixels, width, part, size));
    assert.ok(far <= 1.01, `${JSON.stringify(part)}: ${far}`);
    if (part.width === size)
      for (let y = 0; y < size; y++) {
        const from = 3 * ((part.top + y) * width + part.left);
        assert.deepEqual(
          [...target.subarray(3 * size * y, 3 * size * (y + 1))],
          [...pixels.subarray(from, from + 3 * size)],
        );
      }
  }
  const whole = { left: 0, top: 0, width, height };
  const target = new Uint8Array(3 * 16);
  assert.equal(
    showPixels({ file, offset: offset + 1, height, width }, whole, 4, upright, target),
    false,
    'a file too short',
  );
  assert.throws(() => showPixels({ file, offset, height, width }, { ...whole, left: 1 }, 4, upright, target), /within/);
  assert.throws(() => showPixels({ file, offset, height, width }, whole, 5, upright, target), /75 bytes/);
  closeSync(file);
});

test('mirroring and colours are those of the other decoder, within a byte', (context) => {
  const size = 37;
  const stream = new RandomStream('colours');
  const pixels = Uint8Array.from({ length: 3 * size * size }, () => stream.integer(256));
  pixels.fill(0, 0, 9); // black, grey and white
  pixels.fill(128, 9, 18);
  pixels.fill(255, 18, 27);
  const path = join(temporaryFolder(context), 'pixels');
  writeFileSync(path, pixels);
  const file = openSync(path, 'r');
  const whole = { left: 0, top: 0, width: size, height: size };
  for (let number = 0; number < 40; number++) {
    const changes = { flip: number % 2 === 1, colours: randomColours(stream) };
    const [one, other] = [new Uint8Array(pixels.length), new Uint8Array(pixels.length)];
    showPixels({ file, offset: 0, height: size, width: size }, whole, size, changes, one);
    copyChanged(pixels, other, size, changes);
    assert.ok(furthest(one, other) <= 1, `${number}: ${furthest(one, other)}`);
  }
  closeSync(file);
});

test('every processor computes the same bytes: the functions for all of them, and those for AVX2', (context) => {
  const [width, height] = [90, 70];
  const path = join(temporaryFolder(context), 'pixels');
  const stream = new RandomStream('processors');
  writeFileSync(
    path,
    Uint8Array.from({ length: 3 * width * height }, () => stream.integer(256)),
  );
  const script = `
    const { openSync } = await import('node:fs');
    const { createHash } = await import('node:crypto');
    const { showPixels } = await import('${new URL('../../src/engine/picture-part.ts', import.meta.url)}');
    const file = openSync(process.argv[1]);
    const hash = createHash('sha256');
    for (let size = 1; size < 60; size++)
      for (const flip of [false, true])
        for (const colours of [undefined, { brightness: 0.1, saturation: 1.4, brightnessFirst: flip }]) {
          const target = new Uint8Array(3 * size * size);
          const part = { left: size % 7, top: size % 5, width: 20 + size, height: 61 - size };
          showPixels({ file, offset: 0, height: ${height}, width: ${width} }, part, size, { flip, colours }, target);
          hash.update(target);
        }
    console.log(hash.digest('hex'));`;
  const [fastest, plain] = ['', 'plain'].map((kernels) => {
    const environment = { ...process.env, NASNET_KERNELS: kernels };
    return spawnSync(process.execPath, ['--input-type=module', '-e', script, path], {
      env: environment,
      encoding: 'utf8',
    });
  });
  assert.match(plain!.stdout, /^[0-9a-f]{64}\n$/, plain!.stderr);
  assert.equal(fastest!.stdout, plain!.stdout);
});

test('a part of a JPEG is that of its decoded pixels, at 1/1 to 1/8', { skip: lacksDecoder }, async () => {
  const [width, height] = [640, 480];
  const bytes = await encoded(waves(width, height), width, height).jpeg({ quality: 95 }).toBuffer();
  const pixels = await sharp(bytes).raw().toBuffer();
  const parts: [Part, number][] = [
    [{ left: 0, top: 0, width, height }, 40], // 1/8
    [{ left: 200, top: 150, width: 300, height: 240 }, 50], // 1/4
    [{ left: 339, top: 101, width: 301, height: 379 }, 128], // 1/2, to the lower right corner
    [{ left: 33, top: 17, width: 100, height: 77 }, 90], // 1/1
  ];
  for (const [part, size] of parts) {
    const target = new Uint8Array(3 * size * size);
    assert.ok(showJpeg(bytes, part, size, upright, target));
    const expected = resized(pixels, width, part, size);
    const apart = expected.reduce((sum, value, at) => sum + Math.abs(value - target[at]!), 0) / target.length;
    assert.ok(apart < 1.5, `${JSON.stringify(part)}: ${apart}`); // the smaller scales have another filter
  }
});

test('an evaluation shows what the decoder of the training shows of its part, and sharp nearly the same', {
  skip: lacksDecoder,
}, async (context) => {
  const [width, height, size] = [300, 210, 64];
  const bytes = await encoded(waves(width, height), width, height).jpeg().toBuffer();
  const path = join(temporaryFolder(context), 'a.jpg');
  writeFileSync(path, bytes);
  const framing = { centralFraction: 0.875, aspect: 'stretch', interpolation: 'bilinear' } as const;
  const expected = new Uint8Array(3 * size * size);
  showJpeg(bytes, { left: 18, top: 13, width: 264, height: 184 }, size, upright, expected); // (300 − 262.5) / 2 = 18.75
  for (const file of [bytes, path]) {
    const shown = await prepareImage(file, { ...framing, decoder: 'libjpeg-turbo' }, [size, size]);
    assert.deepEqual(shown, expected);
  }
  const bySharp = await prepareImage(bytes, framing, [size, size]);
  assert.ok(meanDistance(bySharp, expected) < 1, `${meanDistance(bySharp, expected)}`);
  assert.notDeepEqual(bySharp, expected);
  const square = { ...framing, aspect: 'shorter-side', decoder: 'libjpeg-turbo' } as const;
  const framed = await prepareImage(bytes, { ...square, decoder: undefined }, [size, size]);
  assert.deepEqual(await prepareImage(bytes, square, [size, size]), framed, 'training frames such pictures with sharp');
});

test('both decoders show the same whole picture, mirrored and coloured alike', { skip: lacksDecoder }, async () => {
  assert.equal(pictureDecoder(), 'libjpeg-turbo');
  const bytes = await encoded(waves(500, 375), 500, 375).jpeg({ quality: 92 }).toBuffer();
  // Sharp cuts smaller parts at whole pixels of the square.
  const whole = { area: [1, 1], aspect: [4 / 3, 4 / 3] } as const;
  const view: PictureView = { kind: 'training', crop: whole, flip: true, colour: true };
  for (let seed = 0; seed < 8; seed++) {
    const [one, other] = [new Uint8Array(3 * 64 * 64), new Uint8Array(3 * 64 * 64)];
    await showPicture(bytes, view, 64, new RandomStream(seed), one, 'libjpeg-turbo');
    await showPicture(bytes, view, 64, new RandomStream(seed), other, 'sharp');
    const apart = meanDistance(one, other);
    assert.ok(apart < 4, `seed ${seed}: ${apart}`); // mirrored: 30; colours that differ: 8
  }
});

/** Returns a JPEG with Exif data of one entry, in one of two orders of bytes. */
function withOrientation(jpeg: Buffer, orientation: number, order: 'MM' | 'II'): Buffer {
  const data = Buffer.alloc(26);
  const two = (value: number, at: number) =>
    order === 'MM' ? data.writeUInt16BE(value, at) : data.writeUInt16LE(value, at);
  const four = (value: number, at: number) =>
    order === 'MM' ? data.writeUInt32BE(value, at) : data.writeUInt32LE(value, at);
  data.write(order);
  two(42, 2);
  four(8, 4); // where the directory is
  two(1, 8); // its entries
  two(0x0112, 10);
  two(3, 12); // 16 bits
  four(1, 14);
  two(orientation, 18);
  const content = Buffer.concat([Buffer.from('Exif\0\0'), data]);
  const head = Buffer.of(0xff, 0xe1, 0, content.length + 2);
  return Buffer.concat([jpeg.subarray(0, 2), head, content, jpeg.subarray(2)]);
}

test('grey, progressive and colour JPEGs are taken, and files that only sharp reads alike are not', async () => {
  const plain = encoded(waves(40, 30), 40, 30);
  const size = { height: 30, width: 40 };
  const jpeg = await plain.clone().jpeg().toBuffer();
  assert.deepEqual(plainJpeg(jpeg), size);
  assert.deepEqual(
    plainJpeg(await plain.clone().jpeg({ progressive: true, chromaSubsampling: '4:4:4' }).toBuffer()),
    size,
  );
  assert.deepEqual(plainJpeg(await plain.clone().greyscale().jpeg().toBuffer()), size);
  assert.deepEqual(
    plainJpeg(await plain.clone().withMetadata({ orientation: 1 }).jpeg().toBuffer()),
    undefined,
    'a profile',
  );
  assert.deepEqual(
    plainJpeg(
      await plain
        .clone()
        .withExif({ IFD0: { Copyright: 'me' } })
        .jpeg()
        .toBuffer(),
    ),
    size,
  );
  assert.deepEqual(plainJpeg(Buffer.concat([jpeg, Buffer.alloc(7)])), size, 'zeros after its end');
  const others = {
    'turned by Exif': withOrientation(jpeg, 6, 'MM'),
    'turned by Exif in the other order of bytes': withOrientation(jpeg, 3, 'II'),
    CMYK: await plain.clone().toColourspace('cmyk').jpeg().toBuffer(),
    PNG: await plain.clone().png().toBuffer(),
    truncated: jpeg.subarray(0, jpeg.length - 30),
    'without a scan': Buffer.concat([jpeg.subarray(0, 20), Buffer.of(0xff, 0xd9)]),
    empty: Buffer.alloc(0),
  };
  assert.equal((await sharp(others['turned by Exif']).metadata()).orientation, 6);
  assert.deepEqual(plainJpeg(withOrientation(jpeg, 1, 'II')), size);
  for (const [name, bytes] of Object.entries(others)) assert.equal(plainJpeg(bytes), undefined, name);
  for (let length = 0; length < jpeg.length; length += 7) plainJpeg(jpeg.subarray(0, length)); // never throws
});

test('a damaged JPEG is left to sharp, which names its fault or reads it', { skip: lacksDecoder }, async () => {
  const jpeg = await encoded(waves(200, 200), 200, 200).jpeg({ quality: 95 }).toBuffer();
  const damaged = Buffer.from(jpeg);
  damaged.fill(0xff, 3000, 3010); // markers within the scan
  const target = new Uint8Array(3 * 64 * 64);
  assert.ok(plainJpeg(damaged));
  const part = { left: 0, top: 0, width: 200, height: 200 };
  assert.equal(showJpeg(damaged, part, 64, upright, target), false);
  const headless = Buffer.from(jpeg);
  headless.fill(0, 2, 20);
  assert.equal(showJpeg(headless, part, 64, upright, target), false);
  const view: PictureView = { kind: 'training', crop: inceptionCrop, flip: false, colour: false };
  const shown = (decoder: 'libjpeg-turbo' | 'sharp') =>
    showPicture(damaged, view, 64, new RandomStream(1), target, decoder).then(
      () => Buffer.from(target).toString('hex'),
      (error: Error) => error.message,
    );
  assert.equal(await shown('libjpeg-turbo'), await shown('sharp'));
});

// Images to a network's input: every framing against its closed form on a gradient, and every kind of file against its
// colour.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { crc32, deflateSync, gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { type Framing, frameOf } from '../../src/data/framing.ts';
import { imageBatch, prepareImage } from '../../src/data/prepare-image.ts';
import { InputError } from '../../src/failure.ts';
import { temporaryFolder } from './temporary.ts';

const folder = temporaryFolder({ after });

/** A PNG whose red is the column and whose green is the row. */
function gradient(width: number, height: number) {
  const pixels = Uint8Array.from({ length: 3 * width * height }, (_, index) => {
    const [pixel, channel] = [Math.floor(index / 3), index % 3];
    return [pixel % width, Math.floor(pixel / width), 7][channel]!;
  });
  return sharp(pixels, { raw: { width, height, channels: 3 } }).png();
}

const at = (image: Uint8Array, width: number, y: number, x: number) => [
  ...image.subarray(3 * (y * width + x)).slice(0, 3),
];

/**
 * A symmetric filter leaves a linear gradient as it is: the pixel x' of the result shows the source's left edge of the
 * crop, plus (x' + 1/2) source pixels per new pixel, minus 1/2.
 */
async function followsGradient(
  framing: Framing,
  input: [number, number],
  across: [number, number],
  down: [number, number],
) {
  const pixels = await prepareImage(await gradient(200, 100).toBuffer(), framing, input);
  const [height, width] = input;
  assert.equal(pixels.length, 3 * height * width);
  for (let y = 2; y < height - 2; y++) {
    for (let x = 2; x < width - 2; x++) {
      const wanted = [across[0] + (x + 0.5) * across[1] - 0.5, down[0] + (y + 0.5) * down[1] - 0.5, 7];
      const got = at(pixels, width, y, x);
      got.forEach((value, channel) => {
        assert.ok(Math.abs(value - wanted[channel]!) <= 1, `${y}, ${x}: expected ${wanted}, got ${got}`);
      });
    }
  }
}

for (const interpolation of ['bilinear', 'bicubic'] as const) {
  test(`shorter-side, ${interpolation}: the shorter side becomes size / share, and the centre is cut out`, async () => {
    const framing: Framing = { centralFraction: 0.875, aspect: 'shorter-side', interpolation };
    // 28 / 0.875 = 32: 64 × 32 pixels, 18 cut off at the left and 2 above; a new pixel is 3.125 old ones
    await followsGradient(framing, [28, 28], [18 * 3.125, 3.125], [2 * 3.125, 3.125]);
    // 100 × 100 wanted is an enlargement, twice; 56 / 0.28 = 200 high
    await followsGradient({ ...framing, centralFraction: 0.28 }, [56, 56], [172 / 2, 0.5], [72 / 2, 0.5]);
  });

  test(`stretch, ${interpolation}: the central share of both sides is brought to the input's size`, async () => {
    const framing: Framing = { centralFraction: 0.875, aspect: 'stretch', interpolation };
    // 12 of 200 columns and 6 of 100 rows go on each side: 176 × 88 remain
    await followsGradient(framing, [28, 28], [12, 176 / 28], [6, 88 / 28]);
    await followsGradient(framing, [22, 44], [12, 4], [6, 4]);
  });
}

test('area: each new pixel is the mean of what it covers', async () => {
  const framing: Framing = { centralFraction: 1, aspect: 'shorter-side', interpolation: 'area' };
  const pixels = await prepareImage(await gradient(200, 100).toBuffer(), framing, [10, 10]);
  // the central 100 × 100, from column 50: columns 50 … 59 have the mean 54.5, which rounds up
  for (const [y, x] of [
    [0, 0],
    [3, 7],
    [9, 9],
  ] as const) {
    // biome-ignore format: a table
    assert.deepEqual(at(pixels, 10, y, x), [55 + 10 * x, 5 + 10 * y, 7]);
  }
  const small = await prepareImage(await gradient(10, 10).toBuffer(), framing, [10, 10]);
  assert.deepEqual(at(small, 10, 3, 7), [7, 3, 7]); // an image of the right size is left as it is
  const stretched = await prepareImage(
    await gradient(200, 100).toBuffer(),
    { ...framing, aspect: 'stretch' },
    [10, 10],
  );
  assert.deepEqual(at(stretched, 10, 1, 1), [30, 15, 7]); // 20 … 39 and 10 … 19
});

test('the window has the size of the input and lies in the image, for any size and share', () => {
  for (const image of [
    [1, 1],
    [1, 900],
    [375, 500],
    [501, 333],
    [32, 32],
  ] as const) {
    // biome-ignore format: a table
    for (const input of [[224, 224], [331, 331], [20, 33], [1, 1]] as const) {
      for (const centralFraction of [0.1, 0.875, 0.911, 1]) {
        for (const aspect of ['stretch', 'shorter-side'] as const) {
          for (const interpolation of ['bicubic', 'area'] as const) {
            const { source, size, window } = frameOf(image, input, { centralFraction, aspect, interpolation });
            const inside = ({ left, top, width, height }: typeof source, [down, across]: readonly number[]) =>
              left >= 0 && top >= 0 && width >= 1 && height >= 1 && left + width <= across! && top + height <= down!;
            const words = JSON.stringify({ image, input, centralFraction, aspect, source, size, window });
            assert.ok(inside(source, image) && inside(window, size), words);
            assert.deepEqual([window.height, window.width], input, words);
          }
        }
      }
    }
  }
  const framing = { centralFraction: 0.875, aspect: 'shorter-side', interpolation: 'bilinear' } as const;
  const { size, window } = frameOf([375, 500], [224, 224], framing);
  assert.deepEqual(size, [256, 341]); // torchvision's Resize(256) of 500 × 375
  assert.deepEqual([window.left, window.top], [58, 16]); // Python's round(58.5), and CenterCrop(224)
  assert.equal(frameOf([375, 503], [224, 224], framing).window.left, 60); // round(59.5)
});

const framings: Framing[] = [
  { centralFraction: 0.8, aspect: 'stretch', interpolation: 'bilinear' },
  { centralFraction: 0.8, aspect: 'shorter-side', interpolation: 'bicubic' },
  { centralFraction: 0.8, aspect: 'shorter-side', interpolation: 'area' },
];

test('the crop is taken of the upright image, in all eight orientations', async () => {
  for (let orientation = 1; orientation <= 8; orientation++) {
    const turned = orientation > 4; // 5 to 8 swap the sides
    const upright = gradient(200, 100);
    // What a camera would store for the upright picture: the inverse of what the orientation asks for.
    const inverse = { 1: [0, false], 2: [0, true], 3: [180, false], 4: [180, true], 5: [270, true], 6: [270, false], 7: [90, true], 8: [90, false] }[orientation] as [number, boolean]; // biome-ignore format: a table
    const rotated = sharp(await (inverse[1] ? upright.flop() : upright).toBuffer()).rotate(inverse[0]);
    const stored = await rotated.withMetadata({ orientation }).toBuffer();
    const { width, orientation: said } = await sharp(stored).metadata();
    assert.deepEqual([width, said], [turned ? 100 : 200, orientation]);
    for (const framing of framings) {
      const plain = await prepareImage(await gradient(200, 100).toBuffer(), framing, [16, 24]);
      const got = await prepareImage(stored, framing, [16, 24]);
      const most = got.reduce((most, byte, index) => Math.max(most, Math.abs(byte - plain[index]!)), 0);
      assert.ok(most <= 1, `orientation ${orientation}, ${framing.aspect} ${framing.interpolation}: ${most}`);
    }
  }
});

test('grey, 16 bits, CMYK, transparency and a palette become the colours they show', async () => {
  const grey = sharp(
    Uint8Array.from({ length: 1200 }, () => 90),
    { raw: { width: 40, height: 30, channels: 1 } },
  );
  const deep = sharp(
    Uint16Array.from({ length: 3600 }, (_, index) => [0x8000, 0x4000, 0xff00][index % 3]!),
    {
      raw: { width: 40, height: 30, channels: 3 },
    },
  );
  const colour = (background: { r: number; g: number; b: number; alpha?: number }) =>
    sharp({ create: { width: 40, height: 30, channels: background.alpha === undefined ? 3 : 4, background } });
  const kinds: [string, Promise<Buffer>, number[], number][] = [
    ['grey PNG', grey.clone().toColourspace('b-w').png().toBuffer(), [90, 90, 90], 0],
    ['grey JPEG', grey.clone().toColourspace('b-w').jpeg().toBuffer(), [90, 90, 90], 1],
    ['16-bit PNG', deep.toColourspace('rgb16').png().toBuffer(), [128, 64, 255], 1],
    ['half transparent PNG', colour({ r: 200, g: 0, b: 0, alpha: 0.5 }).png().toBuffer(), [227, 127, 127], 2],
    [
      'transparent WebP',
      colour({ r: 200, g: 0, b: 0, alpha: 0 }).webp({ lossless: true }).toBuffer(),
      [255, 255, 255],
      0,
    ],
    ['palette PNG', colour({ r: 10, g: 200, b: 30 }).png({ palette: true }).toBuffer(), [10, 200, 30], 0],
    ['GIF', colour({ r: 10, g: 200, b: 30 }).gif().toBuffer(), [10, 200, 30], 2],
    [
      'CMYK JPEG',
      colour({ r: 200, g: 60, b: 60 }).toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer(),
      [200, 60, 60],
      25,
    ],
  ];
  for (const [kind, bytes, wanted, tolerance] of kinds) {
    for (const framing of framings) {
      const pixels = await prepareImage(await bytes, framing, [8, 8]);
      assert.equal(pixels.length, 192, kind);
      const got = at(pixels, 8, 4, 4);
      const near = got.every((value, channel) => Math.abs(value - wanted[channel]!) <= tolerance);
      assert.ok(near, `${kind}, ${framing.interpolation}: expected ${wanted}, got ${got}`);
    }
  }
  assert.equal((await sharp(await kinds[0]![1]).metadata()).channels, 1);
  assert.equal((await sharp(await kinds[2]![1]).metadata()).depth, 'ushort');
  assert.equal((await sharp(await kinds[7]![1]).metadata()).space, 'cmyk');
});

test('an unreadable image is refused with its name and the reason', async () => {
  const whole = await gradient(200, 100).jpeg().toBuffer();
  const files: [string, Uint8Array | string, RegExp][] = [
    ['text.jpg', 'no picture', /text\.jpg: expected an image, got .*unsupported image format/],
    ['empty.png', '', /empty\.png: expected an image, got /],
    ['half.jpg', whole.subarray(0, whole.length / 2), /half\.jpg: expected an image, got /],
  ];
  for (const [name, content, sentence] of files) {
    const path = join(folder, name);
    writeFileSync(path, content);
    for (const framing of framings) {
      await assert.rejects(prepareImage(path, framing, [8, 8]), (error) => {
        assert.ok(error instanceof InputError);
        assert.match(error.message, sentence);
        assert.equal(error.message.split(name).length, 2, `the name once: ${error.message}`);
        return !error.message.includes('\n');
      });
    }
  }
  const missing = prepareImage(join(folder, 'missing.jpg'), framings[0]!, [8, 8]);
  await assert.rejects(missing, /missing\.jpg: expected an image, got .*missing/);
});

/** A PNG of a few bytes whose header claims these sides. */
function claiming(width: number, height: number, depth: number, colourType: number): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const named = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(named));
    return Buffer.concat([length, named, sum]);
  };
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, depth, colourType, 0, 0, 0]);
  header.writeUInt32BE(width);
  header.writeUInt32BE(height, 4);
  const parts = [
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.alloc(1 << 16))),
    chunk('IEND', Buffer.alloc(0)),
  ];
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...parts]);
}

test('drawings, pages and formats that are not read are refused by their content, whatever their name', async () => {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9" fill="red"/></svg>';
  const convert = 'which is not read here: convert it to PNG or JPEG';
  const files: [string, Uint8Array | string, string][] = [
    ['plain.png', svg, `an SVG drawing, ${convert}`],
    ['declared.jpg', `\ufeff \n<?xml version="1.0"?>\n<!-- a picture -->\n${svg}`, `an SVG drawing, ${convert}`],
    ['packed.png', gzipSync(svg), `a gzip archive, ${convert}`],
    ['far.png', `<?xml version="1.0"?><!--${'x'.repeat(5000)}-->${svg}`, `a web page or XML, ${convert}`],
    ['page.png', '%PDF-1.4\n%', `a PDF document, ${convert}`],
    ['print.jpg', '%!PS-Adobe-3.0 EPSF-3.0', `a PostScript drawing, ${convert}`],
    ['photo.jpg', Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1'), `a HEIC image, ${convert}`],
    ['scan.png', `BM${'\0'.repeat(60)}`, `a BMP image, ${convert}`],
    ['map.jpg', 'P6\n1 1\n255\nabc', `a PPM image, ${convert}`],
    ['film.png', Buffer.from('\0\0\0\x0cjP  \r\n\x87\n', 'latin1'), `a JPEG 2000 image, ${convert}`],
    ['wide.png', claiming(30_000, 30_000, 8, 2), '30000 × 30000 pixels; expected at most 268,402,689'],
    ['deep.png', claiming(14_000, 14_000, 16, 6), '1.5 GiB of pixels; expected at most 1'],
  ];
  for (const [name, content, reason] of files) {
    const path = join(folder, name);
    writeFileSync(path, content);
    for (const file of [path, Buffer.from(content)]) {
      const said = typeof file === 'string' ? file : 'image';
      const message = `${said}: expected an image, got ${reason}`;
      await assert.rejects(prepareImage(file, framings[0]!, [8, 8]), { name: 'InputError', message });
    }
  }
});

test('a pipe, a folder and a link to itself are refused and never waited for', async () => {
  const pipe = join(folder, 'pipe.png');
  execFileSync('mkfifo', [pipe]);
  const loop = join(folder, 'loop.png');
  symlinkSync(loop, loop);
  for (const [path, reason] of [
    [pipe, 'something other than a file'],
    ['/dev/zero', 'something other than a file'],
    [folder, 'something other than a file'],
    [loop, 'a link that leads to itself'],
  ] as const) {
    const message = `${path}: expected an image, got ${reason}`;
    await assert.rejects(prepareImage(path, framings[0]!, [8, 8]), { name: 'InputError', message });
  }
});

test('a batch is (byte - mean) / deviation of each colour, plane by plane, in channels_last', () => {
  const images = [0, 100].map((first) => Uint8Array.from({ length: 12 }, (_, index) => first + index)); // [2, 2, 3]
  const batch = imageBatch(images, [2, 2], { mean: [1, 2, 3], deviation: [2, 4, 8] });
  assert.deepEqual(batch.shape, [2, 3, 2, 2]);
  const wanted = images.flatMap((image) =>
    [0, 1, 2].flatMap((channel) =>
      [0, 1, 2, 3].map((pixel) => (image[3 * pixel + channel]! - [1, 2, 3][channel]!) / [2, 4, 8][channel]!),
    ),
  );
  assert.deepEqual([...batch.toArray()], wanted);
  assert.deepEqual(batch.strides, [12, 1, 6, 3]);
});

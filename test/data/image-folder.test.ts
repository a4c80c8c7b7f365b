// Folders of images: layouts, corrections by sharp, and refusals.

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import sharp from 'sharp';
import { type DatasetFiles, imageBytes, readLabels, readRange } from '../../src/data/dataset-files.ts';
import { decodeImage, prepareImageFolder, skippedSentence } from '../../src/data/image-folder.ts';
import { listImages } from '../../src/data/image-listing.ts';
import { InputError } from '../../src/failure.ts';
import { temporaryFolder } from './temporary.ts';

type Colour = [red: number, green: number, blue: number];
const red: Colour = [200, 0, 0];
const green: Colour = [0, 150, 0];
const blue: Colour = [0, 0, 100];

/** Writes a PNG of one colour. */
async function paint(path: string, colour: Colour, width = 20, height = 20): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const [r, g, b] = colour;
  await sharp({ create: { width, height, channels: 3, background: { r, g, b } } })
    .png()
    .toFile(path);
}

/** A folder with `counts[class]` images of the class's colour. */
async function paintClasses(folder: string, counts: Record<string, number>): Promise<string> {
  const colours = [red, green, blue];
  for (const [label, [name, count]] of Object.entries(counts).entries()) {
    for (let index = 0; index < count; index++) await paint(join(folder, name, `${index}.png`), colours[label]!);
  }
  return folder;
}

/** A cache next to the images, and the images of two or three classes. */
async function dataset(context: TestContext, counts: Record<string, number>) {
  const folder = temporaryFolder(context);
  return { folder: await paintClasses(join(folder, 'animals'), counts), cache: join(folder, 'cache') };
}

/** [red, green, blue] of a pixel of a planar image. */
const pixel = (image: Uint8Array, size: number, y: number, x: number) =>
  [0, 1, 2].map((channel) => image[(channel * size + y) * size + x]!);

function firstPixels(files: DatasetFiles, part: 'train' | 'test'): number[][] {
  const { path, count, images } = files[part];
  return Array.from({ length: count }, (_, index) =>
    pixel(readRange(path, images + index * imageBytes(files), imageBytes(files)), files.height, 0, 0),
  );
}

test('a folder becomes a dataset whose every image has the colour of its class', async (context) => {
  const { folder, cache } = await dataset(context, { cat: 12, ant: 18, bee: 6 });
  const files = await prepareImageFolder(folder, { size: 8, cache });
  assert.deepEqual(files.classes, ['ant', 'bee', 'cat']);
  assert.equal(files.name, 'animals');
  assert.deepEqual([files.train.count, files.test.count], [30, 6]); // one in six of each class is the test's
  const colours = [green, blue, red]; // paintClasses colours in the order of its arguments: cat, ant, bee
  for (const part of ['train', 'test'] as const) {
    const labels = [...readLabels(files[part])];
    assert.deepEqual([...new Set(labels)].sort(), [0, 1, 2]);
    assert.deepEqual(
      firstPixels(files, part),
      labels.map((label) => colours[label]),
    );
  }
});

test('the second time nothing is decoded, and after a change it is', async (context) => {
  const { folder, cache } = await dataset(context, { a: 6, b: 6 });
  let decoded = 0;
  const prepare = () => prepareImageFolder(folder, { size: 8, cache, onProgress: () => decoded++ });
  const first = await prepare();
  assert.ok(decoded > 0);
  decoded = 0;
  assert.deepEqual(await prepare(), first);
  assert.equal(decoded, 0);
  utimesSync(join(folder, 'a', '0.png'), 1, 1);
  const changed = await prepare();
  assert.ok(decoded > 0);
  assert.notEqual(changed.train.path, first.train.path);
});

test('EXIF orientation is applied', async (context) => {
  const path = join(temporaryFolder(context), 'photo.jpg');
  // Stored 32 wide and 16 high, left half red and right half blue; orientation 6 means: turn clockwise to look at it.
  const left = { create: { width: 16, height: 16, channels: 3 as const, background: '#c80000' } };
  await sharp({ create: { width: 32, height: 16, channels: 3, background: '#000064' } })
    .composite([{ input: await sharp(left).png().toBuffer(), left: 0, top: 0 }])
    .withMetadata({ orientation: 6 })
    .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
    .toFile(path);
  // Upright it is 16 wide and 32 high with red above; its centre square keeps red above blue.
  const image = await decodeImage(path, 8);
  const near = (got: number[], wanted: Colour) =>
    got.every((value, channel) => Math.abs(value - wanted[channel]!) < 12);
  assert.ok(near(pixel(image, 8, 0, 0), red) && near(pixel(image, 8, 0, 7), red), `${pixel(image, 8, 0, 7)}`);
  assert.ok(near(pixel(image, 8, 7, 0), blue) && near(pixel(image, 8, 7, 7), blue), `${pixel(image, 8, 7, 0)}`);
});

test('an oblong image keeps its centre square', async (context) => {
  const path = join(temporaryFolder(context), 'wide.png');
  const middle = await sharp({ create: { width: 20, height: 20, channels: 3, background: '#009600' } })
    .png()
    .toBuffer();
  await sharp({ create: { width: 60, height: 20, channels: 3, background: '#c80000' } })
    .composite([{ input: middle, left: 20, top: 0 }])
    .png()
    .toFile(path);
  const image = await decodeImage(path, 20); // no resizing, so that no pixel is mixed
  for (const x of [0, 10, 19]) assert.deepEqual(pixel(image, 20, 10, x), green);
});

test('grey becomes three equal channels, with and without alpha, and transparent parts become white', async (context) => {
  const folder = temporaryFolder(context);
  const grey = await sharp(Buffer.alloc(100, 90), { raw: { width: 10, height: 10, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toBuffer();
  assert.equal((await sharp(grey).metadata()).channels, 1);
  writeFileSync(join(folder, 'grey.png'), grey);
  assert.deepEqual(pixel(await decodeImage(join(folder, 'grey.png'), 8), 8, 3, 3), [90, 90, 90]);

  const half = Buffer.from(Array(100).fill([100, 51]).flat());
  const greyAlpha = await sharp(half, { raw: { width: 10, height: 10, channels: 2 } })
    .toColourspace('b-w')
    .png()
    .toBuffer();
  assert.equal((await sharp(greyAlpha).metadata()).channels, 2);
  writeFileSync(join(folder, 'grey-alpha.png'), greyAlpha);
  // A fifth (51 / 255) of 100 and four fifths of 255.
  assert.deepEqual(pixel(await decodeImage(join(folder, 'grey-alpha.png'), 8), 8, 3, 3), [224, 224, 224]);

  await sharp({ create: { width: 10, height: 10, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0 } } })
    .png()
    .toFile(join(folder, 'clear.png'));
  assert.deepEqual(pixel(await decodeImage(join(folder, 'clear.png'), 8), 8, 3, 3), [255, 255, 255]);
});

test('unreadable images are named, counted and omitted, and remembered with the cache', async (context) => {
  const { folder, cache } = await dataset(context, { a: 12, b: 12 });
  writeFileSync(join(folder, 'a', 'broken.jpg'), 'no image at all');
  const jpeg = await sharp(Buffer.from(Array.from({ length: 192 * 64 }, (_, i) => (i * 37) % 256)), {
    raw: { width: 64, height: 64, channels: 3 },
  })
    .jpeg()
    .toBuffer();
  writeFileSync(join(folder, 'b', 'truncated.jpg'), jpeg.subarray(0, jpeg.length / 2));
  writeFileSync(join(folder, 'b', 'empty.png'), '');
  writeFileSync(join(folder, 'b', 'notes.txt'), 'not an image, and no word about it');
  for (const _ of ['decoded', 'from the cache']) {
    let skipped: string[] = [];
    const files = await prepareImageFolder(folder, { size: 8, cache, onSkipped: (names) => (skipped = names) });
    assert.equal(files.train.count + files.test.count, 24);
    assert.deepEqual(skipped.map((name) => name.split(' ')[0]).sort(), [
      'a/broken.jpg',
      'b/empty.png',
      'b/truncated.jpg',
    ]);
    assert.match(skippedSentence(skipped), /^3 images could not be read: /);
  }
});

test('a class with too few images is refused with its name, also when they turn out to be unreadable', async (context) => {
  const { folder, cache } = await dataset(context, { cats: 12, dogs: 4 });
  const prepare = () => prepareImageFolder(folder, { size: 8, cache });
  await assert.rejects(
    prepare,
    (error: Error) => error instanceof InputError && /dogs: expected at least 5 images, got 4/.test(error.message),
  );
  writeFileSync(join(folder, 'dogs', 'broken.png'), 'five by count, four by content');
  await assert.rejects(
    prepare,
    (error: Error) => error instanceof InputError && /dogs: .*got 4.*dogs\/broken.png/.test(error.message),
  );
  assert.deepEqual(
    readdirSync(cache).filter((name) => !name.endsWith('.lock')),
    [],
  );
});

test('train and test folders are used as they are', async (context) => {
  const folder = temporaryFolder(context);
  await paintClasses(join(folder, 'train'), { a: 5, b: 6 });
  await paintClasses(join(folder, 'test'), { a: 2, b: 1 });
  await paintClasses(join(folder, 'val'), { a: 3, b: 1 });
  const { train, test, classes } = listImages(folder);
  assert.deepEqual(classes, ['a', 'b']);
  // Validation images are sampled from all images but those of the test.
  assert.deepEqual([train.length, test.length], [5 + 6 + 3 + 1, 3]);
  assert.ok(test.every(({ path }) => path.startsWith(join(folder, 'test'))));
});

test('without a test folder, val is the test; a missing or unknown class in it is named', async (context) => {
  const folder = temporaryFolder(context);
  await paintClasses(join(folder, 'train'), { a: 5, b: 6 });
  await paintClasses(join(folder, 'val'), { a: 2 });
  assert.throws(() => listImages(folder), /5 images to train and 1 to test of class "b", got 6 and 0/);
  await paintClasses(join(folder, 'val'), { b: 2 });
  assert.equal(listImages(folder).test.length, 4);
  await paintClasses(join(folder, 'val'), { c: 2 });
  assert.throws(() => listImages(folder), /val\/c: there is no class of this name/);
});

test('folders called train and test next to other classes are classes', async (context) => {
  const { folder } = await dataset(context, { train: 6, test: 6, car: 6 });
  assert.deepEqual(listImages(folder).classes, ['car', 'test', 'train']);
});

test('nested folders belong to their class, hidden ones to none, and links in a circle end', async (context) => {
  const { folder } = await dataset(context, { a: 6, b: 6 });
  await paint(join(folder, 'a', 'monday', 'camera 1', 'x.png'), red);
  await paint(join(folder, 'a', '.thumbnails', 'x.png'), red);
  await paint(join(folder, '.git', 'x.png'), red);
  writeFileSync(join(folder, 'a', '._0.png'), 'a resource fork');
  symlinkSync(join(folder, 'a'), join(folder, 'a', 'again'));
  const { classes, train, test } = listImages(folder);
  assert.deepEqual(classes, ['a', 'b']);
  assert.equal(train.length + test.length, 13);
});

test('the test images do not depend on the order in which the disk lists files', async (context) => {
  const { folder } = await dataset(context, { a: 12, b: 12 });
  const { folder: copy } = await dataset(context, { b: 12, a: 12 });
  const names = (from: string) => listImages(from).test.map(({ path }) => path.slice(from.length));
  assert.deepEqual(names(folder), names(copy));
});

test('no folder, a file, nothing inside, one class, loose images, a wrong size: one sentence each', async (context) => {
  const folder = temporaryFolder(context);
  const refused = (path: string, pattern: RegExp, size = 8) =>
    assert.rejects(
      () => prepareImageFolder(path, { size, cache: join(folder, 'cache') }),
      (error: Error) => error instanceof InputError && pattern.test(error.message) && !error.message.includes('\n'),
    );
  await refused(join(folder, 'missing'), /does not exist/);
  writeFileSync(join(folder, 'file'), '');
  await refused(join(folder, 'file'), /is a file/);
  mkdirSync(join(folder, 'empty'));
  await refused(join(folder, 'empty'), /one sub-folder of images for each class, found none/);
  await paint(join(folder, 'loose', 'x.png'), red);
  await refused(join(folder, 'loose'), /found none/);
  await paintClasses(join(folder, 'one'), { cat: 6 });
  await refused(join(folder, 'one'), /only "cat"/);
  await paintClasses(join(folder, 'two'), { cat: 6, dog: 6 });
  await refused(join(folder, 'two'), /size: expected/, 0);
});

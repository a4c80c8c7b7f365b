// Common folder layouts and their interpretation: parts never become classes, and omitted files are counted.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { after, test } from 'node:test';
import sharp from 'sharp';
import { prepareImageFolder } from '../../src/data/image-folder.ts';
import { layoutLines, listImages } from '../../src/data/image-listing.ts';
import { InputError } from '../../src/failure.ts';
import { temporaryFolder } from './temporary.ts';

const root = temporaryFolder({ after });
let folders = 0;

/** A new folder with so many (empty) PNGs in each of these. */
function folderOf(counts: Record<string, number>): string {
  const folder = join(root, `set-${folders++}`);
  mkdirSync(folder);
  for (const [name, count] of Object.entries(counts)) {
    mkdirSync(join(folder, name), { recursive: true });
    for (let index = 0; index < count; index++) writeFileSync(join(folder, name, `${index}.png`), '');
  }
  return folder;
}

/** Two classes in each of these parts. */
const parts = (...names: string[]) =>
  Object.fromEntries(names.flatMap((name) => [[`${name}/cat`, 6], [`${name}/dog`, 7]])); // biome-ignore format: pairs

const classes = { cat: 6, dog: 7 };
const outcomes: [layout: Record<string, number>, taken: { train: string; test?: string } | RegExp][] = [
  [classes, { train: '' }],
  [parts('train', 'test'), { train: 'train', test: 'test' }],
  [parts('training', 'testing'), { train: 'training', test: 'testing' }],
  [parts('trn', 'tst'), { train: 'trn', test: 'tst' }],
  [parts('train_images', 'test_images'), { train: 'train_images', test: 'test_images' }],
  [parts('Training Data', 'valset'), { train: 'Training Data', test: 'valset' }],
  [parts('Train', 'Test'), { train: 'Train', test: 'Test' }],
  [parts('train', 'val'), { train: 'train', test: 'val' }],
  [parts('train', 'valid'), { train: 'train', test: 'valid' }],
  [parts('training', 'validation'), { train: 'training', test: 'validation' }],
  [parts('train', 'dev'), { train: 'train', test: 'dev' }],
  [parts('train', 'eval'), { train: 'train', test: 'eval' }],
  [parts('train', 'dev', 'eval'), { train: 'train dev', test: 'eval' }],
  [parts('train', 'valid', 'test'), { train: 'train valid', test: 'test' }],
  [parts('train'), { train: 'train' }],
  [{ ...classes, '.': 3 }, { train: '' }], // images next to the class folders
  [{ ...parts('train', 'val'), 'train/.': 2 }, { train: 'train', test: 'val' }],
  [{ ...parts('train', 'test'), unlabeled: 9 }, { train: 'train', test: 'test' }],
  [{ ...parts('train', 'test'), 'train/unlabeled': 9 }, { train: 'train', test: 'test' }],
  [{ ...parts('train', 'test'), '__MACOSX/train/cat': 9, '@eaDir': 3 }, { train: 'train', test: 'test' }],
  [{ ...classes, __MACOSX: 9, '@eaDir': 3, '.thumbnails': 4, 'lost+found': 0 }, { train: '' }],
  [{ ...parts('train', 'val'), test: 9 }, { train: 'train', test: 'val' }], // Kaggle's: a test without classes
  [{ ...parts('train'), test: 9 }, { train: 'train' }],
  [{ cat: 6, dev: 6, test: 6, train: 6 }, { train: '' }], // classes by chance
  [{ ...parts('train', 'val', 'test'), 'chest_xray/train/cat': 6 }, /expected either classes or parts \("test", "train", "val"\), got also "chest_xray"/],
  [{ ...parts('test', 'train'), cat: 6 }, /got also "cat"/],
  [parts('train', 'training', 'test'), /expected one folder for the train images, got "train", "training"$/],
  [parts('train', 'test', 'eval'), /expected one folder for the test images, got "eval", "test"$/],
  [parts('val', 'test'), /expected a folder to train on \(train, training or trn\), got "test", "val"$/],
  [parts('test'), /expected a folder to train on/],
  [{ train: 6, test: 6 }, /expected one sub-folder for each class in "test", "train", found none$/],
  [{ 'train/train/cat': 6, 'train/test/cat': 6 }, /train: expected one sub-folder for each class, got the parts "test", "train"$/],
  [{ 'mnist/train/3': 6, 'mnist/test/3': 6 }, /found only "mnist"; are the classes or parts in .*mnist\?$/],
  [{ 'cat/train': 6, 'cat/test': 2, 'dog/train': 6, 'dog/test': 2 }, /expected parts that contain the classes, got classes that contain parts \("cat\/train", "dog\/train"\)$/],
  [{ 'images/train/cat': 6, 'images/val/cat': 6, 'masks/train/cat': 6, 'masks/val/cat': 6 }, /got classes that contain parts \("images\/train", "masks\/train"\)$/],
  [{ ...parts('train', 'test'), 'test/cow': 2 }, /test\/cow: there is no class of this name/],
  [{ cat: 6, dog: 4 }, /dog: expected at least 5 images, got 4$/],
]; // biome-ignore format: a table

test('each layout is recognised, or refused in one sentence', () => {
  for (const [layout, wanted] of outcomes) {
    const folder = folderOf(layout);
    if (wanted instanceof RegExp) {
      assert.throws(() => listImages(folder), { name: 'InputError', message: wanted }, JSON.stringify(layout));
      continue;
    }
    const listing = listImages(folder);
    const names = (paths: string[]) => paths.map((path) => relative(folder, path)).join(' ');
    assert.deepEqual(names(listing.layout.train), wanted.train, JSON.stringify(layout));
    assert.equal(listing.layout.test && relative(folder, listing.layout.test), wanted.test, JSON.stringify(layout));
    assert.equal(listing.train.length + listing.test.length > 0, true);
    if (!('dev' in layout)) assert.deepEqual(listing.classes, ['cat', 'dog'], JSON.stringify(layout));
  }
});

/** "train/{cat 6, dog 7}, val/{…}": the folders of a layout with the number of images in each. */
function layoutText(counts: Record<string, number>): string {
  const groups = Map.groupBy(Object.entries(counts), ([name]) => dirname(name));
  const words = Array.from(groups, ([above, entries]) => {
    const each = entries
      .map(([name, count]) => (basename(name) === '.' ? `${count}` : `${basename(name)} ${count}`))
      .join(', ');
    return above === '.' ? each : `${above}/{${each}}`;
  });
  return `\`${words.join(', ')}\``;
}

/** Returns the outcome of a listing as the cells of a row. */
function outcomeOf(layout: Record<string, number>): [string, string, string, string] {
  const folder = folderOf(layout);
  const within = (path: string) => relative(folder, path) || 'the class folders';
  try {
    const { classes, train, test: tested, layout: taken, omitted } = listImages(folder);
    const from = `${train.length} of ${taken.train.map(within).join(' and ')}`;
    const held = `${tested.length} ${taken.test ? `of ${within(taken.test)}` : 'held out of them'}`;
    return [classes.join(', '), from, held, omitted.words() || '–'];
  } catch (error) {
    assert.ok(error instanceof InputError, String(error));
    return [`refused: ${error.message.replaceAll(folder, 'FOLDER')}`, '', '', ''];
  }
}

test('docs/images.md has the outcome of each layout', () => {
  const rows = outcomes.map(([layout]) => [layoutText(layout), ...outcomeOf(layout)]);
  assert.ok(rows.length >= 25);
  const heads = ['folders', 'classes', 'to train on', 'to test on', 'omitted'];
  const table = [heads, heads.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
  const path = resolve(import.meta.dirname, '../../docs/images.md');
  const text = readFileSync(path, 'utf8');
  const between = /(<!-- layouts -->\n)[\s\S]*(?=<!-- end of layouts -->)/;
  const wanted = text.replace(between, (_, mark) => `${mark}\n${table}\n\n`);
  if (process.env.NASNET_WRITE_DOCS) writeFileSync(path, wanted);
  assert.equal(readFileSync(path, 'utf8'), wanted);
});

test('the layout is printed: classes with their images, folders, and omitted files by kind', () => {
  const folder = folderOf({ 'train/cat': 6, 'train/dog': 8, 'val/cat': 1, 'val/dog': 1, 'test/cat': 2, 'test/dog': 2 });
  for (const name of ['train/cat/notes.txt', 'train/cat/a.xml', 'train/dog/b.xml', 'train/dog/.DS_Store'])
    writeFileSync(join(folder, name), '');
  assert.deepEqual(layoutLines(folder, listImages(folder)), [
    `${folder}: 20 images of 2 classes: cat (9), dog (11); fewest cat (9), most dog (11)`,
    `${folder}: 16 images to train on in train and val, validation images sampled from them; 4 to test on in test`,
    `${folder}: omitted 2 .xml, 1 .txt, 1 hidden`,
  ]);
  const flat = folderOf({ cat: 6, dog: 6 });
  assert.deepEqual(layoutLines(flat, listImages(flat)), [
    `${flat}: 12 images of 2 classes: cat (6), dog (6); all alike`,
    `${flat}: 10 images to train on in the class folders, validation images sampled from them; 2 to test on held out of them, one in six of each class`,
  ]);
});

test('images are recognised by their content, with any or no file extension; unsupported formats are named', async () => {
  const folder = folderOf({ a: 5, b: 5 });
  const at = (name: string) => join(folder, name);
  const picture = sharp({ create: { width: 9, height: 9, channels: 3, background: '#c80000' } });
  const [png, jpeg] = [await picture.png().toBuffer(), await picture.jpeg().toBuffer()];
  for (const name of ['1.bmp', '2.ppm', '3.HEIC', '4.jp2', 'none', '5.image']) writeFileSync(at(`a/${name}`), png);
  for (const name of ['1.jfif', '2.jpe']) writeFileSync(at(`b/${name}`), jpeg);
  const bmp = Buffer.concat([Buffer.from('BM'), Buffer.alloc(60)]);
  for (const name of ['b/1.bmp', 'b/2.bmp']) writeFileSync(at(name), bmp);
  writeFileSync(at('b/photo.heic'), Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1'));
  writeFileSync(at('b/drawing.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  writeFileSync(at('b/README'), 'words');
  const { train, test: tested, omitted } = listImages(folder);
  assert.equal(train.length + tested.length, 10 + 6 + 2);
  assert.equal(
    omitted.words(),
    '2 .bmp (a BMP image, not read here), 1 .heic (a HEIC image, not read here), 1 .svg (an SVG drawing, not read here), 1 without an ending',
  );
});

test('pipes, links in a circle and folders without permission neither block nor end a listing', () => {
  const folder = folderOf({ a: 6, b: 6 });
  execFileSync('mkfifo', [join(folder, 'a', 'x.png'), join(folder, 'a', 'y')]);
  symlinkSync('me', join(folder, 'b', 'me'));
  symlinkSync('me', join(folder, 'me'));
  symlinkSync('..', join(folder, 'b', 'up'));
  symlinkSync('/dev/zero', join(folder, 'b', 'zero.png'));
  mkdirSync(join(folder, 'lost+found'));
  chmodSync(join(folder, 'lost+found'), 0);
  const { train, test: tested, classes, omitted } = listImages(folder);
  assert.deepEqual(classes, ['a', 'b']);
  assert.equal(train.length + tested.length, 6 + 6); // b/up leads to the folder above, with all other classes
  assert.equal(omitted.counts.get('special (a pipe, device or socket)'), 2 + 1);
});

test('from 2 to 10,000 classes of 5 images; more are refused before anything is read', () => {
  const folder = folderOf({ a: 5, b: 5 });
  const { train, test: tested } = listImages(folder);
  assert.deepEqual([train.length, tested.length], [8, 2]);
  for (let index = 2; index <= 10_000; index++) mkdirSync(join(folder, `class ${index}`));
  assert.throws(() => listImages(folder), /expected sub-folders for at most 10,000 classes, found 10001$/);
});

test('an image that could not be read without permission is tried again, a damaged one is not', async () => {
  const folder = join(root, 'permission');
  const picture = sharp({ create: { width: 9, height: 9, channels: 3, background: '#0000c8' } });
  for (const name of ['a', 'b'])
    for (let index = 0; index < 12; index++) {
      const path = join(folder, name, `${index}.png`);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, await picture.png().toBuffer());
    }
  writeFileSync(join(folder, 'a', 'damaged.png'), 'no picture');
  const cache = join(root, 'cache');
  mkdirSync(cache, { mode: 0o777 });
  const locked = join(folder, 'a', '3.png');
  let decoded = 0;
  const prepare = async () => {
    let skipped: string[] = [];
    decoded = 0;
    const onSkipped = (names: string[]) => (skipped = names);
    const { train, test: tested } = await prepareImageFolder(folder, {
      size: 8,
      cache,
      onSkipped,
      onProgress: () => decoded++,
    });
    return {
      images: train.count + tested.count,
      skipped: skipped.map((name) => name.replace(/ \(.*/, '')),
      decoded: decoded > 0,
    };
  };
  // The superuser reads what nobody may: as somebody else for a while.
  const isRoot = process.getuid?.() === 0;
  for (const path of isRoot ? [root, cache, folder, dirname(locked)] : []) chmodSync(path, 0o777);
  chmodSync(locked, 0);
  // Loads all modules, which somebody else may not be able to read.
  await prepareImageFolder(folder, { size: 8, cache: join(root, 'cache of the superuser') });
  if (isRoot) process.seteuid!(65534);
  try {
    const skipped = ['a/3.png', 'a/damaged.png'];
    assert.deepEqual(await prepare(), { images: 23, skipped, decoded: true });
    assert.deepEqual(await prepare(), { images: 23, skipped, decoded: false });
  } finally {
    if (isRoot) process.seteuid!(0);
  }
  chmodSync(locked, 0o644);
  assert.deepEqual(await prepare(), { images: 24, skipped: ['a/damaged.png'], decoded: true });
  assert.deepEqual(await prepare(), { images: 24, skipped: ['a/damaged.png'], decoded: false });
});

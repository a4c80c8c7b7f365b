// The class of every image, in all common layouts.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { after, test } from 'node:test';
import { imagenetClasses, imagenetNames } from '../../src/data/imagenet-classes.ts';
import { findLabelledImages, type LabelOptions } from '../../src/data/labelled-images.ts';
import { temporaryFolder } from './temporary.ts';

const root = temporaryFolder({ after });
let folders = 0;

/** A new folder with these (empty) files: nothing is decoded when they are listed. */
function folderOf(...names: string[]): string {
  const folder = join(root, `images-${folders++}`);
  mkdirSync(folder);
  for (const name of names) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), '');
  }
  return folder;
}

function labelFile(text: string, name = 'labels.txt'): string {
  const path = join(folderOf(), name);
  writeFileSync(path, text);
  return path;
}

function found(folder: string, classes: string[], options: LabelOptions = {}): Record<string, number> {
  const { folder: taken, images } = findLabelledImages(folder, classes, options);
  return Object.fromEntries(images.map(({ path, label }) => [relative(taken, path), label]));
}

function refused(folder: string, classes: string[], options: LabelOptions, sentence: RegExp): void {
  assert.throws(
    () => findLabelledImages(folder, classes, options),
    (error: Error) => {
      assert.equal(error.name, 'InputError');
      assert.match(error.message, sentence);
      assert.ok(!error.message.includes('\n'));
      return true;
    },
  );
}

const animals = ['cat', 'dog', 'guinea pig'];
const [names, withBackground] = [imagenetNames(), imagenetNames(1001)];
const validation = [1, 2, 3].map((number) => `ILSVRC2012_val_0000000${number}.JPEG`);
// The first three images of the challenge are a sea snake, an alp and a Shetland sheepdog.
const firstThree = ['sea snake', 'alp', 'Shetland sheepdog'].map((name) => names.indexOf(name));

test('class folders are matched by name, whatever their number and order', () => {
  const folder = folderOf('guinea pig/1.png', 'guinea pig/deep/2.jpg', 'cat/3.webp', 'cat/notes.txt', '.hidden/4.png');
  assert.deepEqual(found(folder, animals), { 'cat/3.webp': 0, 'guinea pig/1.png': 2, 'guinea pig/deep/2.jpg': 2 });
});

test('of a folder with parts the test or validation part is used', () => {
  const folder = folderOf('train/cat/1.png', 'val/cat/2.png', 'val/dog/3.png');
  assert.deepEqual(found(folder, animals), { 'cat/2.png': 0, 'dog/3.png': 1 });
  assert.equal(findLabelledImages(folder, animals, {}).folder, join(folder, 'val'));
  assert.deepEqual(found(folderOf('val/cat/1.png', 'test/dog/2.png'), animals), { 'dog/2.png': 1 });
});

test('parts are known by all their names, and what has no class is omitted', () => {
  const folder = folderOf(
    'Training/cat/1.png',
    'Testing/cat/2.png',
    'dev/dog/3.png',
    '__MACOSX/x.png',
    'unlabeled/4.png',
  );
  assert.deepEqual(found(folder, animals), { 'cat/2.png': 0 });
  assert.deepEqual(
    [...findLabelledImages(folder, animals, {}).omitted.counts.keys()],
    ['folder "__MACOSX"', 'folder "unlabeled"'],
  );
  refused(
    folderOf('test/cat/1.png', 'eval/cat/2.png'),
    animals,
    {},
    /expected one folder to test on, got "eval", "test"$/,
  );
});

test("ImageNet's folders are wnids, one place further on for 1,001 classes", () => {
  const folder = folderOf('n01440764/a.JPEG', 'n02123045/b.JPEG', 'n15075141/c.JPEG');
  const places = { 'n01440764/a.JPEG': 0, 'n02123045/b.JPEG': 281, 'n15075141/c.JPEG': 999 };
  assert.deepEqual(found(folder, names), places);
  assert.deepEqual(
    found(folder, withBackground),
    Object.fromEntries(Object.entries(places).map(([name, place]) => [name, place + 1])),
  );
  assert.deepEqual(found(folderOf('banana/1.png'), names), { 'banana/1.png': 954 });
});

test("the challenge's ground truth counts as the devkit does", () => {
  const labels = labelFile('490\n361\n171\n', 'ILSVRC2012_validation_ground_truth.txt');
  const wanted = Object.fromEntries(validation.map((name, index) => [name, firstThree[index]]));
  assert.deepEqual(found(folderOf(...validation), names, { labels }), wanted);
  assert.deepEqual(
    Object.values(found(folderOf(...validation), withBackground, { labels })),
    firstThree.map((place) => place + 1),
  );
});

test('a column of numbers in another file needs an order, and three orders agree', () => {
  const folder = folderOf(...validation);
  const column = (numbers: number[]) => labelFile(numbers.join('\n'), 'column.txt');
  refused(folder, names, { labels: column(firstThree) }, /does not say in which order .*the order devkit/);
  const devkit = firstThree.map((place) => imagenetClasses[place]!.devkitNumber);
  for (const [labelOrder, numbers] of [
    ['sorted', firstThree],
    ['sorted-from-1', firstThree.map((place) => place + 1)],
    ['devkit', devkit],
  ] as const) {
    assert.deepEqual(
      Object.values(found(folder, names, { labels: column(numbers), labelOrder })),
      firstThree,
      labelOrder,
    );
  }
  refused(
    folder,
    names,
    { labels: column([0, 1, 1000]), labelOrder: 'sorted' },
    /column\.txt:3: expected a number from 0 to 999, got 1000; numbers from 1/,
  );
  refused(
    folder,
    names,
    { labels: column([0, 1, 2]), labelOrder: 'devkit' },
    /column\.txt:1: expected a number from 1 to 1000, got 0/,
  );
  assert.deepEqual(Object.values(found(folderOf('1.png', '2.png'), animals, { labels: column([2, 0]) })), [2, 0]);
  refused(
    folder,
    animals,
    { labels: column([1, 1, 1]), labelOrder: 'devkit' },
    /label order: expected sorted or sorted-from-1/,
  );
});

test('a column of wnids, val.txt and the Kaggle file say the same', () => {
  const folder = folderOf(...validation);
  const wnids = firstThree.map((place) => imagenetClasses[place]!.wnid);
  const texts = [
    wnids.join('\r\n'),
    validation
      .map((name, index) => `${name} ${firstThree[index]}`)
      .reverse()
      .join('\n'),
    validation.map((name, index) => `val/${name}\t${wnids[index]}`).join('\n'),
    `ImageId,PredictionString\n${validation.map((name, index) => `${basename(name, '.JPEG')},${wnids[index]} 85 1 499 272 ${wnids[index]} 1 2 3 4 `).join('\n')}\n`,
  ];
  for (const text of texts)
    assert.deepEqual(Object.values(found(folder, names, { labels: labelFile(text) })), firstThree, text);
});

test('names with spaces stand before a tab or a comma, and a path tells equal file names apart', () => {
  const folder = folderOf('a/my photo.png', 'b/my photo.png', 'other one.jpg');
  const labels = labelFile(
    './a/my photo.png\tguinea pig\nb/my photo.png,dog\nother one.jpg\tcat\nnot there.png\tcat\n',
  );
  assert.deepEqual(found(folder, animals, { labels }), {
    'a/my photo.png': 2,
    'b/my photo.png': 1,
    'other one.jpg': 0,
  });
  refused(
    folder,
    animals,
    { labels: labelFile('my photo.png\tcat\nother one.jpg\tcat\n1.png\tdog\nmy photo.png\tdog') },
    /expected a label for each image, got none for "a\/my photo\.png", "b\/my photo\.png"$/,
  );
});

test('inconsistent labels are refused in one sentence with some examples', () => {
  refused(join(root, 'nowhere'), animals, {}, /nowhere: expected a folder of images, got no such folder$/);
  refused(
    folderOf('1.png'),
    animals,
    {},
    /expected folders named as the network's classes \("cat", "dog", "guinea pig"\), got none; .*name that file$/,
  );
  refused(folderOf('cat/1.png', 'bird/1.png', 'fish/1.png'), animals, {}, /got also "bird", "fish"$/);
  refused(
    folderOf('a/1.png', 'b/1.png', 'c/1.png', 'd/1.png', 'e/1.png'),
    names,
    {},
    /or their wnids \("tench", "goldfish", "great white shark" and 997 more\), got "a", "b", "c" and 2 more$/,
  );
  refused(folderOf('cat/notes.txt'), animals, {}, /expected images, found none$/);
  const folder = folderOf('1.png', '2.png');
  refused(
    folder,
    animals,
    { labels: join(root, 'none.txt') },
    /none\.txt: expected a file of labels, got no such file$/,
  );
  refused(folder, animals, { labels: labelFile('\n\n') }, /expected a label on each line, got none$/);
  refused(folder, animals, { labels: labelFile('cat\n') }, /expected a label for each of the 2 images of .*, got 1$/);
  refused(
    folder,
    animals,
    { labels: labelFile('cat\n2.png dog\n') },
    /:2: expected one label a line as on line 1, got two words$/,
  );
  refused(
    folder,
    animals,
    { labels: labelFile('1.png cat\n2.png cow\n') },
    /:2: expected a class of the network or a number, got "cow"$/,
  );
  refused(
    folder,
    animals,
    { labels: labelFile('1.png cat\n2.png 1\n') },
    /labels\.txt:2: expected the name of a class as on line 1, got the number "1"$/,
  );
  refused(
    folder,
    ['3', '7'],
    { labels: labelFile('0\n7\n') },
    /labels\.txt:2: expected a number as on line 1, got the name "7"$/,
  );
  refused(folder, animals, { labels: labelFile('1.png 3\n2.png 0\n') }, /:1: expected a number from 0 to 2, got 3/);
});

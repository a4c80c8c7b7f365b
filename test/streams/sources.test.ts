// Sources of pictures in every format: the same pictures, classes and order; and what goes wrong with each.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { imagenetClasses } from '../../src/data/imagenet-classes.ts';
import { InputError } from '../../src/failure.ts';
import { crc32c, maskedCrc32c } from '../../src/streams/crc32c.ts';
import { type ImageSource, openSource, type SourceOptions } from '../../src/streams/open-source.ts';
import { temporaryFolder } from '../data/temporary.ts';
import {
  jpeg,
  pictures,
  tar,
  tfrecord,
  writeClassTar,
  writeFolders,
  writeParquet,
  writeTfrecords,
  writeWebDataset,
} from './written.ts';

const classes = ['ant', 'bee', 'cat'];

async function opened(context: TestContext, path: string, options: SourceOptions = {}): Promise<ImageSource> {
  const source = await openSource(path, { cache: temporaryFolder(context), ...options });
  context.after(() => source[Symbol.dispose]());
  return source;
}

async function contents(source: ImageSource): Promise<{ label: number; bytes: Buffer }[]> {
  const all = [];
  for (let place = 0; place < source.count; place++)
    all.push({ label: source.label(place), bytes: Buffer.from(await source.picture(place)) });
  return all;
}

/** The sentence with which opening is refused. */
async function refusal(context: TestContext, path: string, options: SourceOptions = {}): Promise<string> {
  const error = await openSource(path, { cache: temporaryFolder(context), ...options }).then(
    () => assert.fail('was opened'),
    (reason) => reason,
  );
  assert.ok(error instanceof InputError, String(error?.stack));
  return error.message;
}

test('every format yields the same pictures and labels in the same order', async (context) => {
  const folder = temporaryFolder(context);
  const all = await pictures(classes, 6);
  const expected = all.map(({ label, bytes }) => ({ label, bytes }));
  const uneven = [7, 0, 1, 10].filter((size) => size > 0); // shards need not be alike
  mkdirSync(join(folder, 'folders'));
  writeFolders(
    join(folder, 'folders', 'val'),
    all.filter(({ name }) => name.endsWith('_0.JPEG')),
  );
  const sources = {
    folders: writeFolders(join(folder, 'folders', 'train'), all) && join(folder, 'folders'),
    classTar: writeClassTar(join(folder, 'train.tar'), all),
    webDataset: writeWebDataset(join(folder, 'shards'), all, uneven),
    tfrecord: writeTfrecords(join(folder, 'records'), all, uneven),
    parquet:
      writeParquet(join(folder, 'parquet', 'data', 'train-00000-of-00001.parquet'), all, classes, 4) &&
      join(folder, 'parquet'),
  };
  for (const [format, path] of Object.entries(sources)) {
    const source = await opened(context, path);
    assert.deepEqual(await contents(source), expected, format);
    assert.equal(source.classes.length, classes.length, format);
  }
  for (const format of ['folders', 'classTar', 'parquet'] as const)
    assert.deepEqual((await opened(context, sources[format])).classes, classes, format);
});

test('hard links in a tar are pictures, too, as tar writes them', async (context) => {
  const folder = temporaryFolder(context);
  const [first] = await pictures(['ant'], 1);
  const own = join(folder, 'ant');
  const long = `${'long name '.repeat(12)}.jpg`; // beyond the 100 bytes of a header
  mkdirSync(own);
  writeFileSync(join(own, long), first!.bytes);
  for (const name of ['a second name.jpg', `z ${long}`]) linkSync(join(own, long), join(own, name));
  for (const format of ['gnu', 'pax']) {
    const inner = join(folder, 'ant.tar');
    const run = (...words: string[]) => assert.equal(spawnSync('tar', words).status, 0);
    run('-cf', inner, `--format=${format}`, '-C', own, ...readdirSync(own));
    run('-cf', join(folder, `${format}.tar`), '-C', folder, 'ant.tar');
    const seen = await contents(await opened(context, join(folder, `${format}.tar`)));
    assert.equal(seen.length, 3);
    for (const { bytes } of seen) assert.ok(bytes.equals(first!.bytes));
  }
});

test('a source is listed once, and again after its files change', async (context) => {
  const folder = temporaryFolder(context);
  const path = writeClassTar(join(folder, 'train.tar'), await pictures(classes));
  const cache = join(folder, 'cache');
  let listed = 0;
  const open = async () => (await opened(context, path, { cache, onListed: (count) => (listed = count) })).identity;
  const first = await open();
  assert.equal(listed, 15);
  listed = 0;
  assert.equal(await open(), first);
  assert.equal(listed, 0);
  const [index] = readdirSync(join(cache, 'streams'));
  const damaged = readFileSync(join(cache, 'streams', index!));
  damaged[damaged.length - 1]! ^= 1;
  writeFileSync(join(cache, 'streams', index!), damaged);
  assert.equal(await open(), first);
  assert.equal(listed, 15);
  writeClassTar(path, await pictures(classes, 4));
  utimesSync(path, 1, 1);
  assert.notEqual(await open(), first);
  assert.equal(listed, 12);
});

test('a picture that is added to a class folder is found', async (context) => {
  const folder = temporaryFolder(context);
  const all = await pictures(classes, 8);
  const root = writeFolders(join(folder, 'pictures'), all);
  const options = { cache: join(folder, 'cache') };
  const before =
    (await opened(context, root, options)).count +
    (await opened(context, root, { ...options, part: 'validation' })).count;
  assert.equal(before, 24);
  writeFileSync(join(root, 'bee', 'new.jpg'), await jpeg(99));
  utimesSync(join(root, 'bee'), 5, 5);
  const after =
    (await opened(context, root, options)).count +
    (await opened(context, root, { ...options, part: 'validation' })).count;
  assert.equal(after, 25);
});

/** The devkit's numbers of the first validation pictures, as the challenge's file begins. */
const truth = [490, 361, 171, 822, 297];
/** Their places among sorted WordNet identifiers, as the lists of other projects begin. */
const sortedTruth = [65, 970, 230, 809, 516];
const validationName = (number: number) => `ILSVRC2012_val_${String(number).padStart(8, '0')}.JPEG`;

async function validationFolder(context: TestContext, numbers: readonly number[]) {
  const folder = temporaryFolder(context);
  const names = truth.map((_, place) => validationName(place + 1));
  const files = await Promise.all(names.map(async (name, number) => ({ name, bytes: await jpeg(number) })));
  writeFileSync(join(folder, 'ILSVRC2012_img_val.tar'), tar(files));
  writeFolders(
    join(folder, 'val'),
    files.map((file) => ({ ...file, label: 0 })),
  );
  mkdirSync(join(folder, 'ILSVRC2012_devkit_t12', 'data'), { recursive: true });
  const text = `${numbers.join('\n')}\n`;
  writeFileSync(join(folder, 'ILSVRC2012_devkit_t12', 'data', 'ILSVRC2012_validation_ground_truth.txt'), text);
  return folder;
}

test('the validation tar and a flat validation folder get their classes from the devkit next to them', async (context) => {
  const folder = await validationFolder(context, truth);
  for (const name of ['ILSVRC2012_img_val.tar', 'val']) {
    const source = await opened(context, join(folder, name));
    assert.deepEqual(
      Array.from(truth, (_, place) => source.label(place)),
      sortedTruth,
      name,
    );
    assert.equal(source.classes[source.label(0)], 'n01751748');
    assert.deepEqual(source.remarks, []);
  }
});

test('a flat validation folder without the devkit is refused, as are pictures without classes', async (context) => {
  const folder = temporaryFolder(context);
  writeFolders(folder, [{ name: validationName(1), label: 0, bytes: await jpeg(1) }]);
  assert.match(await refusal(context, folder), /no classes in their names; expected the devkit/);
  writeFolders(folder, [{ name: 'photo.jpg', label: 0, bytes: await jpeg(1) }]);
  assert.match(
    await refusal(context, folder),
    /expected a folder for each class, got pictures without one \(photo.jpg\)/,
  );
});

test("a ground truth in sorted order is not taken for the devkit's numbers", async (context) => {
  const folder = await validationFolder(context, sortedTruth);
  const source = await opened(context, join(folder, 'ILSVRC2012_img_val.tar'));
  assert.deepEqual(
    Array.from(truth, (_, place) => source.label(place)),
    sortedTruth,
  );
  assert.match(source.remarks[0]!, /in the order of sorted WordNet identifiers, not the devkit's/);
  const other = await validationFolder(context, [1, 2, 3, 4, 5]);
  assert.match(await refusal(context, join(other, 'val')), /\(490, 361, 171 …\), got 1, 2, 3 …/);
});

test('devkit numbers as labels of TFRecord and WebDataset are found out by WordNet identifiers, and said', async (context) => {
  const folder = temporaryFolder(context);
  const some = [imagenetClasses[0]!, imagenetClasses[5]!, imagenetClasses[999]!];
  const bytes = await jpeg(1);
  const records = join(folder, 'train.tfrecord');
  const write = (number: (place: number) => number) =>
    writeFileSync(records, tfrecord(some.map(({ wnid }, place) => ({ bytes, label: number(place), synset: wnid }))));
  write((place) => [1, 6, 1000][place]!);
  const usual = await opened(context, records);
  assert.deepEqual(
    [0, 1, 2].map((place) => usual.label(place)),
    [0, 5, 999],
  );
  assert.deepEqual(usual.remarks, []);
  write((place) => some[place]!.devkitNumber);
  const devkit = await opened(context, records);
  assert.deepEqual(
    [0, 1, 2].map((place) => devkit.label(place)),
    [0, 5, 999],
  );
  assert.match(devkit.remarks[0]!, /as the devkit does, not as sorted from 1/);
  write((place) => [1, 7, 3][place]!);
  assert.match(await refusal(context, records), /expected one number for each WordNet identifier/);
  const named = some.map(({ wnid, devkitNumber }) => ({ name: `x/${wnid}_7.JPEG`, label: devkitNumber, bytes }));
  writeWebDataset(join(folder, 'shards'), named, [3]);
  const web = await opened(context, join(folder, 'shards'));
  assert.deepEqual(
    [0, 1, 2].map((place) => web.label(place)),
    [0, 5, 999],
  );
  assert.match(web.remarks[0]!, /as the devkit does/);
});

test('truncated and damaged files are refused with their name and place', async (context) => {
  const folder = temporaryFolder(context);
  const all = await pictures(classes);
  const classTar = writeClassTar(join(folder, 'train.tar'), all);
  truncateSync(classTar, statSync(classTar).size - 3000);
  assert.match(await refusal(context, classTar), /train.tar: expected a whole tar file, got one that ends within/);
  const records = writeTfrecords(join(folder, 'records'), all, [15]);
  const path = join(records, 'train-00000-of-00001');
  const whole = readFileSync(path);
  writeFileSync(path, whole.subarray(0, whole.length - 5));
  assert.match(await refusal(context, records), /expected whole records, got a file that ends within/);
  writeFileSync(path, Buffer.from(whole).fill(whole[3]! ^ 1, 3, 4));
  assert.match(await refusal(context, records), /got a length with a wrong checksum/);
  writeFileSync(path, whole);
  const source = await opened(context, records);
  const within = source.index.offsets[2]! + 20;
  writeFileSync(path, Buffer.from(whole).fill(whole[within]! ^ 1, within, within + 1));
  const damaged = await opened(context, records);
  await damaged.picture(1);
  await assert.rejects(damaged.picture(2), /the record at byte [\d,]+ is damaged: its checksum differs/);
  const parquet = writeParquet(join(folder, 'some.parquet'), all, classes, 5);
  truncateSync(parquet, statSync(parquet).size - 50);
  assert.match(await refusal(context, parquet), /some.parquet: expected a whole Parquet file, got /);
});

test('a missing shard, and labels that a test part lacks, are said', async (context) => {
  const folder = temporaryFolder(context);
  const all = await pictures(classes);
  const records = writeTfrecords(join(folder, 'records'), all, [10, 5]);
  writeFileSync(join(records, 'train-00001-of-00002.part'), '');
  rmSync(join(records, 'train-00001-of-00002'));
  assert.match(await refusal(context, records), /expected all 2 shards that train-00000-of-00002 is one of, got 1/);
  assert.match(await refusal(context, records, { part: 'validation' }), /expected shards of the part validation/);
  const unlabelled = all.map((each) => ({ ...each, label: -1 }));
  const parquet = writeParquet(join(folder, 'test.parquet'), unlabelled, classes, 5);
  assert.match(await refusal(context, parquet), /got -1 \(the test part has no labels\)/);
});

test("checksums are CRC-32C's, by the values of RFC 3720", () => {
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, index) => index)), 0x46dd794e);
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
  assert.equal(maskedCrc32c(new Uint8Array(32)), (((0x8a9136aa >>> 15) | (0x8a9136aa << 17)) + 0xa282ead8) >>> 0);
});

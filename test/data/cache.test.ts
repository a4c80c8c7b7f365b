// The cache: entries are complete or absent, even if a process fails or is killed.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { cached, cacheRoot, type Prepare, readEntry } from '../../src/data/cache.ts';
import { type Description, readLabels, readRange } from '../../src/data/dataset-files.ts';
import { Failure } from '../../src/failure.ts';
import { temporaryFolder } from './temporary.ts';

const description: Description = {
  name: 'dots',
  source: 'a test',
  classes: ['a', 'b'],
  height: 1,
  width: 1,
  holdOut: 'uniform',
};

/** Three training images and two test images of one pixel. */
const writeDots: Prepare = async (writer) => {
  await writer.add('train', Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9), [0, 1, 1]);
  await writer.add('test', Uint8Array.of(10, 11, 12, 13, 14, 15), [1, 0]);
  return { description, skipped: [] };
};

const blocks = (cache: string) => readdirSync(cache).filter((name) => !name.endsWith('.lock'));

test('images and labels of both parts are read as they were written', async (context) => {
  const cache = join(temporaryFolder(context), 'deep', 'cache');
  const { files } = await cached(cache, 'dots', () => {}, writeDots);
  assert.deepEqual([...readRange(files.train.path, files.train.images, 9)], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.deepEqual([...readRange(files.test.path, files.test.images, 6)], [10, 11, 12, 13, 14, 15]);
  assert.deepEqual([...readLabels(files.train)], [0, 1, 1]);
  assert.deepEqual([...readLabels(files.test)], [1, 0]);
  assert.equal(files.train.labels % 8, 0);
  assert.deepEqual(JSON.parse(JSON.stringify(files)), files);
});

test('an entry is prepared once, and again when its bytes were damaged, cut or removed', async (context) => {
  const cache = temporaryFolder(context);
  let prepared = 0;
  const prepare: Prepare = (writer) => {
    prepared += 1;
    return writeDots(writer);
  };
  const ask = () => cached(cache, 'dots', () => {}, prepare);
  const { files } = await ask();
  await ask();
  assert.equal(prepared, 1);
  const block = files.train.path;
  const whole = readFileSync(block);
  const flipped = Uint8Array.from(whole);
  flipped[4]! ^= 1;
  const damages = [
    () => writeFileSync(block, flipped),
    () => truncateSync(block, 20),
    () => writeFileSync(join(cache, 'dots.json'), '{"format"'),
    () => writeFileSync(join(cache, 'dots.json'), readFileSync(join(cache, 'dots.json'), 'utf8').replace('3', '"3"')),
  ];
  for (const [index, damage] of damages.entries()) {
    damage();
    assert.equal(await readEntry(cache, 'dots'), undefined);
    await ask();
    assert.equal(prepared, index + 2);
    assert.deepEqual(readFileSync(block), whole);
  }
});

test('a failed preparation leaves no files, and those of a killed one are removed', async (context) => {
  const cache = temporaryFolder(context);
  const fail: Prepare = async (writer) => {
    await writer.add('train', new Uint8Array(3), [0]);
    throw new Failure('the source went away');
  };
  await assert.rejects(
    cached(cache, 'dots', () => {}, fail),
    /went away/,
  );
  assert.deepEqual(blocks(cache), []);
  writeFileSync(join(cache, 'dots.bin.tmp'), 'half of it');
  await cached(cache, 'dots', () => {}, writeDots);
  assert.deepEqual(blocks(cache), ['dots.bin', 'dots.json']);
});

test('images without labels are a bug, and are not written', async (context) => {
  const cache = temporaryFolder(context);
  const prepare: Prepare = async (writer) => {
    await writer.add('train', new Uint8Array(6), [0]);
    return { description, skipped: [] };
  };
  await assert.rejects(
    cached(cache, 'dots', () => {}, prepare),
    /labels do not fit/,
  );
  assert.deepEqual(blocks(cache), []);
});

test('a cache that cannot be created is refused in one sentence with its name', async (context) => {
  const file = join(temporaryFolder(context), 'file');
  writeFileSync(file, '');
  for (const cache of [file, join(file, 'below')]) {
    await assert.rejects(
      cached(cache, 'dots', () => {}, writeDots),
      (error: Error) => {
        assert.ok(error instanceof Failure);
        assert.ok(
          error.message.startsWith(`${cache}: cannot store datasets here, `) && error.message.includes('NASNET_CACHE'),
        );
        return true;
      },
    );
  }
});

test('the environment determines the place of the cache', () => {
  const { NASNET_CACHE, XDG_CACHE_HOME } = process.env;
  const set = (name: string, value: string | undefined) => {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  };
  try {
    set('NASNET_CACHE', '/a');
    set('XDG_CACHE_HOME', '/b');
    assert.equal(cacheRoot(), '/a');
    set('NASNET_CACHE', undefined);
    assert.equal(cacheRoot(), '/b/nasnet');
    set('XDG_CACHE_HOME', undefined);
    assert.equal(cacheRoot(), join(homedir(), '.cache/nasnet'));
  } finally {
    set('NASNET_CACHE', NASNET_CACHE);
    set('XDG_CACHE_HOME', XDG_CACHE_HOME);
  }
});

/** A folder of two classes with 150 noisy images each: about a second of decoding. */
async function noisyImages(context: TestContext): Promise<{ folder: string; cache: string }> {
  const root = temporaryFolder(context);
  for (const name of ['a', 'b']) {
    mkdirSync(join(root, 'images', name), { recursive: true });
    for (let index = 0; index < 150; index++) {
      const noise = sharp(randomBytes(3 * 200 * 200), { raw: { width: 200, height: 200, channels: 3 } });
      await noise.jpeg().toFile(join(root, 'images', name, `${index}.jpg`));
    }
  }
  return { folder: join(root, 'images'), cache: join(root, 'cache') };
}

const prepareProgram = join(import.meta.dirname, 'prepare.ts');

test('three processes that prepare at the same time all succeed, and one of them does the work', async (context) => {
  const { folder, cache } = await noisyImages(context);
  const run = promisify(execFile);
  const runs = await Promise.all([1, 2, 3].map(() => run(process.execPath, [prepareProgram, folder, cache])));
  const results = runs.map(({ stdout }) => JSON.parse(stdout));
  for (const { files } of results) assert.deepEqual(files, results[0].files);
  assert.equal(results.filter(({ tasks }) => tasks.includes('decode')).length, 1);
  assert.equal(blocks(cache).length, 2);
});

test('a process that is killed while it writes leaves the lock free and no dataset', async (context) => {
  const { folder, cache } = await noisyImages(context);
  const child = spawn(process.execPath, [prepareProgram, folder, cache]);
  const written = () => readdirSync(cache).some((name) => name.endsWith('.tmp'));
  const deadline = Date.now() + 60_000;
  mkdirSync(cache, { recursive: true });
  while (!written() && child.exitCode === null && Date.now() < deadline) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.deepEqual(
    blocks(cache).map((name) => name.split('.').slice(1).join('.')),
    ['bin.tmp'],
  );
  const { stdout } = await promisify(execFile)(process.execPath, [prepareProgram, folder, cache]);
  assert.equal(JSON.parse(stdout).files.train.count, 250);
  assert.deepEqual(
    blocks(cache).map((name) => name.split('.').slice(1).join('.')),
    ['bin', 'json'],
  );
});

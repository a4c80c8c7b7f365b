// Prepared shards: what they store, that they outlive kills and are checked, and how an epoch reads them.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import sharp from 'sharp';
import { datasetFraming } from '../../src/data/framing.ts';
import { prepareImage } from '../../src/data/prepare-image.ts';
import { hashOfFile } from '../../src/file-hash.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { epochOrder, rangesOf } from '../../src/streams/epoch-order.ts';
import { type ImageSource, openSource } from '../../src/streams/open-source.ts';
import { type Preparation, preparePart, requireDisk } from '../../src/streams/prepare-part.ts';
import { verifyPrepared } from '../../src/streams/prepared.ts';
import { inceptionCrop } from '../../src/streams/random-crop.ts';
import { StreamBatches } from '../../src/streams/stream-batches.ts';
import { type Ended, nasnet, nasnets } from '../cli/run.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { jpeg, type Labelled, pictures, writeClassTar, writeFolders, writeParquet } from './written.ts';

const classes = ['ant', 'bee', 'cat'];
const silent = { onPictures: () => {}, onUnreadable: () => {} };

/** Pictures of several sizes: every third one has 60 × 90 pixels, the others 40 × 30. */
async function mixedSizes(each = 6): Promise<Labelled[]> {
  const all = await pictures(classes, each);
  for (let place = 0; place < all.length; place += 3) all[place]!.bytes = await jpeg(place, 60, 90);
  return all;
}

async function prepared(
  context: TestContext,
  path: string,
  options: Partial<Preparation> = {},
): Promise<{ root: string; source: ImageSource }> {
  const root = join(temporaryFolder(context), 'prepared');
  using source = await openSource(path, { cache: temporaryFolder(context) });
  await preparePart({ source, part: 'train', root, side: 32, quality: 90, seed: 1, perShard: 5, ...options }, silent);
  return { root, source: await openSource(root) };
}

/** Returns what the files of a folder contain, by name. */
const filesIn = (folder: string): Record<string, string> =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, hashOfFile(join(folder, name))]));

test('a small JPEG is stored as it is, a large one with a short side of the size asked for', async (context) => {
  const all = await mixedSizes();
  const path = writeClassTar(join(temporaryFolder(context), 'train.tar'), all);
  const { source } = await prepared(context, path);
  assert.deepEqual([source.count, source.classes], [18, classes]);
  assert.equal(source.index.paths.length, 4); // 5, 5, 5 and 3 pictures
  const names = new Set<string>();
  for (let place = 0; place < source.count; place++) {
    const name = source.nameOf(place);
    const original = all.find((each) => each.name === name)!;
    const bytes = Buffer.from(await source.picture(place));
    assert.equal(source.label(place), original.label);
    if (bytes.equals(original.bytes)) names.add(name);
    const { width, height } = await sharp(bytes).metadata();
    assert.deepEqual([width, height], all.indexOf(original) % 3 === 0 ? [32, 48] : [40, 30]);
  }
  assert.equal(names.size, 12);
  const order = Array.from({ length: source.count }, (_, place) => source.label(place));
  assert.notDeepEqual(order, order.toSorted(), 'they are shuffled');
  const other = await prepared(context, path, { seed: 2 });
  assert.notEqual(other.source.identity, source.identity);
});

test('raw shards have the decoded pixels, in evaluation as in training', async (context) => {
  const all = await mixedSizes();
  const path = writeFolders(join(temporaryFolder(context), 'photos'), all);
  const { source } = await prepared(context, path, { quality: undefined, side: 90 });
  const size = 16;
  await using evaluation = new StreamBatches(source, {
    size,
    batchSize: source.count,
    view: { kind: 'evaluation', framing: datasetFraming },
    seed: 1,
    threads: 1,
  });
  const { pixels, labels } = await evaluation.batch(0, 0);
  for (let place = 0; place < source.count; place++) {
    const original = all.find(({ name }) => name === source.nameOf(place))!;
    const expected = await prepareImage(original.bytes, datasetFraming, [size, size]);
    assert.equal(labels[place], original.label);
    const shown = pixels.subarray(3 * size * size * place, 3 * size * size * (place + 1));
    assert.ok(Buffer.from(expected).equals(shown), original.name);
    const stored = source.pixels(place)!;
    const { data } = await sharp(original.bytes).raw().toBuffer({ resolveWithObject: true });
    const bytes = readFileSync(source.index.paths[source.index.files[place]!]!);
    assert.ok(bytes.subarray(stored.offset, stored.offset + data.length).equals(data));
  }
});

test('training shows the same crops from the source, from prepared JPEG and from raw shards', async (context) => {
  const all = await pictures(classes, 4);
  const path = writeClassTar(join(temporaryFolder(context), 'train.tar'), all);
  const shown = async (source: ImageSource, threads: number) => {
    await using batches = new StreamBatches(source, {
      size: 16,
      batchSize: 12,
      view: { kind: 'training', crop: inceptionCrop, flip: true, colour: true },
      seed: 1,
      threads,
    });
    return Buffer.from((await batches.batch(0, 0)).pixels);
  };
  const kept = (await prepared(context, path)).source;
  const raw = (await prepared(context, path, { quality: undefined })).source;
  const [one, other] = [await shown(kept, 1), await shown(raw, 2)];
  assert.deepEqual(await shown(raw, 1), other);
  const apart = one.reduce((sum, value, at) => sum + Math.abs(value - other[at]!), 0) / one.length;
  assert.ok(apart < 2, `${apart}`); // decoders round colours otherwise; other crops are 40 apart
});

test('a preparation killed at any picture goes on with its whole shards and ends with the same bytes', async (context) => {
  const folder = temporaryFolder(context);
  const path = writeClassTar(join(folder, 'train.tar'), await mixedSizes());
  const script = resolve(import.meta.dirname, 'prepare-process.ts');
  const words = (root: string) => [script, path, join(folder, root), join(folder, 'cache')];
  const run = (root: string) => spawnSync(process.execPath, words(root), { encoding: 'utf8' });
  assert.equal(run('expected').status, 0);
  for (const killedAt of [1, 6, 9, 10]) {
    const child = spawn(process.execPath, words('killed'), { stdio: ['ignore', 'pipe', 'inherit'] });
    for await (const line of createInterface({ input: child.stdout! }))
      if (line === `done ${killedAt}`) child.kill('SIGKILL');
    if (child.signalCode === null) await once(child, 'exit');
    // What a kill leaves within the writing of a file, the last one too.
    for (const name of ['00003.shard', 'nasnet.index'])
      writeFileSync(join(folder, 'killed', 'train', `${name}.${child.pid}.part`), 'unfinished');
  }
  const { status, stdout } = run('killed');
  assert.equal(status, 0);
  assert.ok(stdout.includes('kept 8\n'), 'the first two shards were whole');
  assert.deepEqual(filesIn(join(folder, 'killed', 'train')), filesIn(join(folder, 'expected', 'train')));
  assert.ok(!run('killed').stdout.includes('done'));
});

test('a changed byte, a shortened shard and a damaged index are named, and repeating mends them', async (context) => {
  const folder = temporaryFolder(context);
  const path = writeClassTar(join(folder, 'train.tar'), await mixedSizes());
  const root = join(folder, 'prepared');
  using source = await openSource(path, { cache: join(folder, 'cache') });
  const prepare = () =>
    preparePart({ source, part: 'train', root, side: 32, quality: 90, seed: 1, perShard: 5 }, silent);
  await prepare();
  const expected = filesIn(join(root, 'train'));
  const shard = join(root, 'train', '00002.shard');
  let compared = 0;
  verifyPrepared(root, 'train', (count) => {
    compared += count;
  });
  assert.equal(compared, 18);

  const bytes = readFileSync(shard);
  bytes[100]! ^= 1;
  writeFileSync(shard, bytes);
  assert.throws(() => verifyPrepared(root, 'train', () => {}), /00002\.shard: .* checksum of its pictures differs/);
  await prepare();
  assert.deepEqual(filesIn(join(root, 'train')), expected);

  truncateSync(shard, 200);
  await assert.rejects(openSource(root), /00002\.shard: expected \d+ bytes, got 200; prepare again/);
  await prepare();
  assert.deepEqual(filesIn(join(root, 'train')), expected);

  const index = join(root, 'train', 'nasnet.index');
  const listed = readFileSync(index);
  listed[listed.length - 1]! ^= 1;
  writeFileSync(index, listed);
  await assert.rejects(openSource(root), /nasnet\.index: expected the index of prepared pictures, got a damaged file/);
  await prepare();
  assert.deepEqual(filesIn(join(root, 'train')), expected);

  renameSync(join(root, 'train', '00001.shard'), join(root, 'aside'));
  cpSync(join(root, 'train', '00000.shard'), join(root, 'train', '00001.shard'));
  await prepare();
  assert.deepEqual(filesIn(join(root, 'train')), expected, 'a shard in place of another is written again');
});

test('a prepared folder may be moved', async (context) => {
  const folder = temporaryFolder(context);
  const { root, source } = await prepared(context, writeClassTar(join(folder, 'train.tar'), await mixedSizes()));
  renameSync(root, join(folder, 'elsewhere'));
  const moved = await openSource(join(folder, 'elsewhere'));
  assert.equal(moved.identity, source.identity);
  assert.ok((await moved.picture(17)).length > 0);
});

test('unreadable pictures are named and omitted; a source of them is refused', async (context) => {
  const folder = temporaryFolder(context);
  const all = await pictures(classes, 10);
  all[4]!.bytes = all[4]!.bytes.subarray(0, 300);
  const sentences: string[] = [];
  const run = async (name: string) => {
    using source = await openSource(writeClassTar(join(folder, name), all), { cache: join(folder, 'cache') });
    const preparation = {
      source,
      part: 'train',
      root: join(folder, `${name} prepared`),
      side: 32,
      quality: 90,
      seed: 1,
    } as const;
    return preparePart(preparation, { ...silent, onUnreadable: (sentence) => sentences.push(sentence) });
  };
  assert.deepEqual((({ pictures, unreadable }) => [pictures, unreadable])(await run('one.tar')), [29, 1]);
  assert.match(sentences[0]!, /^ant\/ant_4\.JPEG: expected a picture, got/);
  for (const picture of all.slice(0, 20)) picture.bytes = Buffer.from('no picture');
  await assert.rejects(run('many.tar'), /20 of 30 pictures could not be read: /);
});

test('an epoch of prepared shards reads 64 runs of 64 pictures together, each once', () => {
  const runsOf = (places: Int32Array) => new Set(Array.from(places, (place) => Math.floor(place / 64)));
  for (const count of [64 * 320, 20_001, 7]) {
    const order = epochOrder({ count, run: 64, kind: 'prepared' }, new RandomStream(5));
    assert.deepEqual(
      order.toSorted(),
      Int32Array.from({ length: count }, (_, place) => place),
    );
    if (count % 4096 > 0) continue;
    for (let from = 0; from < count; from += 4096) assert.equal(runsOf(order.subarray(from, from + 4096)).size, 64);
    assert.ok(runsOf(order.subarray(0, 64)).size > 30, 'they are mixed');
  }
});

test('pictures that are read together are few ranges of bytes, without those between', async (context) => {
  const { source } = await prepared(
    context,
    writeClassTar(join(temporaryFolder(context), 'train.tar'), await mixedSizes()),
  );
  const places = Int32Array.of(6, 1, 3, 2, 5, 12); // 1 to 3 in the first shard of five, 5 and 6 in the second
  const ranges = rangesOf(source.index, places);
  const { offsets, lengths, paths } = source.index;
  assert.deepEqual(ranges, [
    { path: paths[0], offset: offsets[1], length: lengths[1]! + lengths[2]! + lengths[3]! },
    { path: paths[1], offset: 0, length: lengths[5]! + lengths[6]! },
    { path: paths[2], offset: offsets[12], length: lengths[12] },
  ]);
  source.readAhead(places);
});

test('pictures of Parquet files are prepared, too', async (context) => {
  const folder = temporaryFolder(context);
  const all = await pictures(classes, 4);
  const { source } = await prepared(context, writeParquet(join(folder, 'all.parquet'), all, classes, 4));
  const labels = Array.from({ length: 12 }, (_, place) => source.label(place));
  assert.deepEqual(labels.toSorted(), [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]);
});

test('a disk that lacks the space is refused before anything is written', (context) => {
  const root = join(temporaryFolder(context), 'prepared');
  assert.deepEqual(requireDisk(root, 100, 105), [105, 105]);
  assert.throws(
    () => requireDisk(root, 2e9, 2e9),
    /prepared: 2\.10 GB are needed and 2\.00 GB are free; a smaller side/,
  );
  assert.throws(() => requireDisk(root, Number.MAX_SAFE_INTEGER), /are needed and/);
  assert.equal(existsSync(root), false);
});

test('nasnet prepare writes both parts, keeps to its folder, and verifies', async (context) => {
  const folder = temporaryFolder(context);
  const all = await pictures(classes, 5);
  for (const part of ['train', 'val']) writeFolders(join(folder, 'photos', part), all);
  const own = ['prepare', join(folder, 'photos'), '-o', join(folder, 'out')];
  const environment = { NASNET_CACHE: join(folder, 'cache') };
  const [dry, first, again, other, within, replaced, verified] = nasnets(
    [
      [...own, '--dry-run', '--json'],
      [...own, '--side', '24'],
      [...own, '--side', '24', '--json'],
      [...own, '--raw'],
      ['prepare', join(folder, 'photos'), '-o', join(folder, 'photos', 'new')],
      [...own, '--raw', '--overwrite', '--json'],
      ['prepare', '--verify', join(folder, 'out'), '--json'],
    ],
    environment,
  ) as [Ended, Ended, Ended, Ended, Ended, Ended, Ended];
  assert.equal(dry.code, 0, dry.stderr);
  const stated = JSON.parse(dry.stdout);
  assert.deepEqual(
    stated.parts.map(({ part, pictures, classes }: Record<string, unknown>) => [part, pictures, classes]),
    [
      ['train', 15, 3],
      ['validation', 15, 3],
    ],
  );
  assert.equal(first.code, 0, first.stderr);
  assert.match(
    first.stderr,
    /train: 15 pictures of 3 classes become JPEG of quality 90 .* at most 24 pixels, about 1 MB/,
  );
  assert.match(first.stderr, /Disk: 1 MB needed, .* free for/);
  assert.match(first.stdout, /out: train, 15 pictures of 3 classes in 1 MB\n.*out: validation, 15 pictures/);
  assert.equal(JSON.parse(again.stdout).parts[1].pictures, 15);
  assert.equal(other.code, 2);
  assert.match(other.stderr, /nasnet\.index: exists already, written by prepare with other settings/);
  assert.equal(within.code, 2);
  assert.match(within.stderr, /expected a folder outside/);
  assert.equal(replaced.code, 0, replaced.stderr);
  assert.deepEqual(JSON.parse(verified.stdout), {
    folder: join(folder, 'out'),
    whole: true,
    parts: [
      { part: 'train', pictures: 15, classes: 3 },
      { part: 'validation', pictures: 15, classes: 3 },
    ],
  });
  using raw = await openSource(join(folder, 'out'), { part: 'validation' });
  assert.deepEqual(raw.pixels(0) && [raw.pixels(0)!.height, raw.pixels(0)!.width], [30, 40]);

  writeFileSync(join(folder, 'out', 'train', 'notes.txt'), 'mine');
  const stranger = nasnet([...own, '--raw'], environment);
  assert.equal(stranger.code, 2);
  assert.match(stranger.stderr, /expected an empty folder, or one of the same preparation, got notes\.txt/);
});

test('nasnet prepare takes validation pictures from another source, of the same classes only', async (context) => {
  const folder = temporaryFolder(context);
  const train = writeClassTar(join(folder, 'train.tar'), await pictures(classes, 3));
  const validation = writeClassTar(join(folder, 'other.tar'), await pictures(classes, 2));
  const fewer = writeClassTar(join(folder, 'fewer.tar'), await pictures(['ant', 'bee'], 2));
  const [both, alone, refused] = nasnets(
    [
      ['prepare', train, '--validation', validation, '-o', join(folder, 'both'), '--json'],
      ['prepare', validation, '--as', 'validation', '-o', join(folder, 'alone'), '--json'],
      ['prepare', train, '--validation', fewer, '-o', join(folder, 'refused')],
    ],
    { NASNET_CACHE: join(folder, 'cache') },
  ) as [Ended, Ended, Ended];
  assert.deepEqual(
    JSON.parse(both.stdout).parts.map(({ pictures }: { pictures: number }) => pictures),
    [9, 6],
  );
  assert.deepEqual(
    JSON.parse(alone.stdout).parts.map(({ part }: { part: string }) => part),
    ['validation'],
  );
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /fewer\.tar: expected the 3 classes of the training pictures, got 2/);
  await assert.rejects(openSource(join(folder, 'alone')), /expected the part train, which has not been prepared/);
});

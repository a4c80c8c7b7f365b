// The images of a search on a worker's machine: its own, known by content, or those of the search, fetched once.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import { blockName, type DatasetSources, setupDataset } from '../../src/children/setup-dataset.ts';
import { type DatasetFiles, referenceTo } from '../../src/data/dataset-files.ts';
import { prepareImageFolder } from '../../src/data/image-folder.ts';
import { movableDataset } from '../../src/data/moved-dataset.ts';
import { Failure } from '../../src/failure.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { FolderStore } from '../../src/store/folder-store.ts';
import { temporaryFolder } from '../data/temporary.ts';

const folder = temporaryFolder({ after });
const images = join(folder, 'search', 'photos');
let files: DatasetFiles;
let description: string;

/** Writes images of random pixels in two classes. */
async function paintNoise(path: string, random: RandomStream): Promise<void> {
  for (const name of ['cats', 'dogs']) {
    mkdirSync(join(path, name), { recursive: true });
    for (let index = 0; index < 12; index++) {
      const pixels = Uint8Array.from({ length: 16 * 16 * 3 }, () => random.integer(256));
      const picture = sharp(pixels, { raw: { width: 16, height: 16, channels: 3 } });
      await picture.png().toFile(join(path, name, `${index}.png`));
    }
  }
}

before(async () => {
  await paintNoise(images, new RandomStream('photos'));
  files = await prepareImageFolder(images, { size: 16, cache: join(folder, 'search', 'cache') });
  description = movableDataset(files).description;
});

/** A folder store that notes where its reads begin, and breaks off once after so many bytes. */
class WatchedStore extends FolderStore {
  readonly reads: number[] = [];
  left = Number.POSITIVE_INFINITY;

  override async read(name: string, from: number) {
    this.reads.push(from);
    const chunks = await super.read(name, from);
    return chunks && this.#some(chunks);
  }

  async *#some(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      const part = chunk.subarray(0, Math.min(chunk.length, this.left));
      this.left -= part.length;
      yield part;
      if (this.left > 0) continue;
      this.left = Number.POSITIVE_INFINITY;
      throw new Failure('the link is cut');
    }
  }
}

let machines = 0;

/** A machine with an empty cache and a store, to which the search brings its images when it is asked. */
function newMachine(sources: Partial<DatasetSources> = {}) {
  const place = join(folder, `machine ${++machines}`);
  const store = new WatchedStore(join(place, 'store'));
  const lines: string[] = [];
  const { block, sha256 } = movableDataset(files);
  const request = () => store.write(blockName(sha256), block);
  const describe = async () => description;
  const all: DatasetSources = {
    own: [],
    describe,
    store,
    request,
    cache: join(place, 'cache'),
    onLine: (line) => lines.push(line),
    ...sources,
  };
  return { store, lines, cache: all.cache!, get: () => setupDataset(referenceTo(files), all) };
}

test('images of this machine are used, whatever their folder is called, and nothing is fetched', async () => {
  const own = join(folder, 'mine', 'another name');
  await paintNoise(own, new RandomStream('photos'));
  const { get, store, lines } = newMachine({ own: [own] });
  assert.equal((await get()).content, files.content);
  assert.deepEqual([store.reads, lines], [[], []]);
});

test('other images of this machine are not used: the search brings its own, and both are said', async () => {
  const others = join(folder, 'mine', 'others');
  await paintNoise(others, new RandomStream('others'));
  const empty = join(folder, 'mine');
  const { get, store, lines } = newMachine({ own: [others, empty] });
  assert.equal((await get()).content, files.content);
  assert.equal(store.reads.length, 1);
  assert.equal(lines[0], `${others} does not have the images of photos`);
  assert.ok(lines.some((line) => line.startsWith(`${empty} does not have the images of photos`)));
  assert.ok(lines.includes('Fetching the images of photos from the search'));
});

test('a fetch that was cut goes on where it was', async () => {
  const { get, store, cache } = newMachine();
  store.left = 5000;
  assert.equal((await get()).content, files.content);
  assert.deepEqual(store.reads, [0, 5000]);
  assert.deepEqual(
    readdirSync(cache).filter((name) => name.endsWith('.part')),
    [],
  );
});

test('workers of one machine that need the images at the same time fetch them once', async () => {
  const { get, store } = newMachine();
  const all = await Promise.all([get(), get(), get()]);
  assert.deepEqual(
    all.map(({ content }) => content),
    [files.content, files.content, files.content],
  );
  assert.deepEqual(store.reads, [0]);
});

test('images with another content than the search has are refused', async () => {
  const other = join(folder, 'mine', 'forged');
  await paintNoise(other, new RandomStream('forged'));
  const forged = movableDataset(await prepareImageFolder(other, { size: 16, cache: join(folder, 'forged') }));
  const { get, store, cache } = newMachine({ describe: async () => forged.description });
  await store.write(blockName(forged.sha256), forged.block);
  await assert.rejects(get(), /^Failure: photos: expected the content [0-9a-f]{12}, got other images$/);
  assert.equal(existsSync(join(cache, `moved-${movableDataset(files).sha256.slice(0, 24)}.json`)), false);
});

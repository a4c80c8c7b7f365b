// A prepared dataset on its way to another machine: its description as text, and the block of bytes, which is named by
// its hash. Whoever gets one verifies all of it.

import { existsSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { checked, parsedJson } from '../checked.ts';
import { Failure } from '../failure.ts';
import { makeFolder, writeWhole } from '../whole-file.ts';
import { type Entry, entryAt, entryFormat, readEntry } from './cache.ts';
import { withLock } from './cache-lock.ts';
import { type DatasetFiles, type DatasetPart, type DatasetReference, imageBytes } from './dataset-files.ts';

export interface MovableDataset {
  /** JSON, which names no path. */
  description: string;
  block: string;
  bytes: number;
  sha256: string;
}

/** Returns what another machine needs of a dataset in the cache. */
export function movableDataset({ train }: DatasetFiles): MovableDataset {
  const entry = entryAt(train.path.replace(/\.bin$/, '.json'));
  if (!entry) throw new Failure(`${train.path}: expected a dataset with its description in the cache, got none`);
  const { bytes, sha256, files } = entry;
  const { source: _, ...shared } = files; // a source may be a path
  return { description: JSON.stringify({ bytes, sha256, files: shared }), block: train.path, bytes, sha256 };
}

/** Returns the dataset with this content that the cache has under any name; undefined if there is none. */
export async function datasetInCache(cache: string, { content }: DatasetReference): Promise<DatasetFiles | undefined> {
  if (!existsSync(cache)) return undefined;
  for (const name of readdirSync(cache)) {
    const [, key] = /^(.*)\.json$/.exec(name) ?? [];
    if (key === undefined || entryAt(join(cache, name), cache)?.content !== content) continue;
    const prepared = await readEntry(cache, key);
    if (prepared) return prepared.files;
  }
  return undefined;
}

type Fields<Whole> = Record<keyof Whole, z.ZodType>;

const count = z.int().nonnegative();
const part: z.ZodType<DatasetPart> = z.object({
  path: z.string(),
  count,
  images: count,
  labels: count.multipleOf(8),
} satisfies Fields<DatasetPart>);
const side = z.int().positive().max(4096);

const moved = z.object({
  bytes: z.int().positive(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  files: z.object({
    name: z.string().max(1000),
    classes: z.array(z.string().max(1000)).min(1).max(100_000),
    height: side,
    width: side,
    holdOut: z.enum(['uniform', 'stratified']),
    train: part,
    test: part,
  } satisfies Fields<Omit<DatasetFiles, 'content' | 'source'>>),
});

/** Parses the description of a dataset that another machine gave. @throws InputError */
export const parseDescription = (description: string): z.infer<typeof moved> =>
  checked(moved, parsedJson(description, 'queue', 'dataset'), 'queue', 'dataset');

/**
 * Brings a dataset of another machine into the cache. Processes that ask at the same time wait for the first one.
 * `fetch` brings the block with the hash into a file, goes on with what is there, and returns whether it is whole.
 * @throws InputError if the description is not one; Failure if the content is another than it says
 */
export async function installDataset(
  cache: string,
  reference: DatasetReference,
  description: string,
  fetch: (block: { sha256: string; bytes: number }, path: string) => Promise<boolean>,
  onWait: () => void = () => {},
): Promise<DatasetFiles> {
  const { bytes, sha256, files } = parseDescription(description);
  requireWithin(files, bytes);
  makeFolder(cache);
  const key = `moved-${sha256.slice(0, 24)}`;
  return withLock(join(cache, `${key}.lock`), onWait, async () => {
    const present = await datasetInCache(cache, reference);
    if (present) return present;
    const block = join(cache, `${key}.bin`);
    if (!(await fetch({ sha256, bytes }, `${block}.part`)))
      throw new Failure(`${reference.name}: the images came with another content than announced`);
    renameSync(`${block}.part`, block);
    const inCache = (each: DatasetPart) => ({ ...each, path: `${key}.bin` });
    const source = 'another machine';
    const entry: Entry = {
      format: entryFormat,
      files: { ...files, source, train: inCache(files.train), test: inCache(files.test) },
      bytes,
      sha256,
      skipped: [],
    };
    writeWhole(join(cache, `${key}.json`), [`${JSON.stringify(entry, null, 2)}\n`]);
    const installed = await datasetInCache(cache, reference);
    if (installed) return installed;
    throw new Failure(`${reference.name}: expected the content ${reference.content.slice(0, 12)}, got other images`);
  });
}

function requireWithin(
  { train, test, ...size }: { train: DatasetPart; test: DatasetPart; height: number; width: number },
  bytes: number,
) {
  for (const each of [train, test]) {
    const end = Math.max(each.images + each.count * imageBytes(size), each.labels + 8 * each.count);
    if (end > bytes) throw new Failure('queue: the description of the dataset does not fit its size');
  }
}

// The cache of prepared datasets: a folder with one block of bytes and one description for each, written completely or
// not at all. cifar10.ts and image-folder.ts prepare datasets.

import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  createReadStream,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { contentIdentity } from '../content-identity.ts';
import { namedCache } from '../environment.ts';
import { Failure } from '../failure.ts';
import { makeFolders } from '../whole-file.ts';
import { withLock } from './cache-lock.ts';
import type { DatasetFiles, Description } from './dataset-files.ts';
import { DatasetWriter } from './dataset-writer.ts';
import type { ClassContent } from './folder-content.ts';
import type { OnProgress } from './progress.ts';

/** Version of the entries' format; entries of other versions are prepared again. */
export const entryFormat = 1;

/** The description of an entry. Paths are relative to the cache, so that it can be moved. */
export interface Entry {
  format: number;
  files: Omit<DatasetFiles, 'content'>;
  bytes: number;
  sha256: string;
  /** Unreadable images, which were omitted: "path (reason)". */
  skipped: string[];
  /** Paths of unreadable images that may become readable without a change of the files. */
  again?: string[];
  /** The content of each class, to detect changes later. */
  classContents?: ClassContent[];
}

/** Fills the writer, training images first; returns the dataset's description and the omitted images. */
export type Prepare = (writer: DatasetWriter) => Promise<{ description: Description } & Omit<Prepared, 'files'>>;

export interface Prepared {
  files: DatasetFiles;
  skipped: string[];
  /** As in `Entry`. */
  again?: string[];
  classContents?: ClassContent[];
}

/** Returns `NASNET_CACHE`, else `$XDG_CACHE_HOME/nasnet`, else `~/.cache/nasnet`. */
export function cacheRoot(): string {
  const named = namedCache();
  if (named) return named;
  const base = process.env.XDG_CACHE_HOME;
  return join(base && isAbsolute(base) ? base : join(homedir(), '.cache'), 'nasnet');
}

/**
 * Returns the entry `key` of a cache. It is prepared if it is missing, damaged or `isStale`. Processes that ask at the
 * same time wait for the first one and share its result.
 * @throws Failure if the cache cannot be written
 */
export async function cached(
  cache: string,
  key: string,
  onProgress: OnProgress,
  prepare: Prepare,
  isStale: (prepared: Prepared) => boolean = () => false,
): Promise<Prepared> {
  const present = await readEntry(cache, key);
  if (present && !isStale(present)) return present;
  makeFolder(cache);
  const onWait = () => onProgress({ task: 'wait', subject: key, done: 0, total: 0, unit: 'images' });
  return withLock(join(cache, `${key}.lock`), onWait, async () => {
    const prepared = await readEntry(cache, key);
    if (prepared && !isStale(prepared)) return prepared;
    clearLeftovers(cache, key);
    const writer = await DatasetWriter.create(join(cache, `${key}.bin`)).catch((error) => {
      throw diskSentence(cache, error);
    });
    try {
      const { description, ...left } = await prepare(writer);
      const block = await writer.finish(description, { format: entryFormat, ...left });
      return { files: filesOf(cache, block), ...left };
    } catch (error) {
      await writer.discard();
      throw diskSentence(cache, error);
    }
  });
}

/** Returns an entry if it exists and is complete. */
export async function readEntry(cache: string, key: string): Promise<Prepared | undefined> {
  const entry = describe(join(cache, `${key}.json`));
  if (!entry || !isWhole(cache, entry)) return undefined;
  const hash = createHash('sha256');
  await pipeline(createReadStream(join(cache, entry.files.train.path), { highWaterMark: 1 << 20 }), hash);
  if (hash.digest('hex') !== entry.sha256) return undefined;
  const { skipped, again, classContents } = entry;
  return { files: filesOf(cache, entry), skipped, ...(again && { again }), ...(classContents && { classContents }) };
}

/** Returns the content of a cached dataset's source; undefined if it cannot change, as for CIFAR-10. */
export function classContentsOf({ train }: DatasetFiles): ClassContent[] | undefined {
  return describe(train.path.replace(/\.bin$/, '.json'))?.classContents;
}

/** Returns the description of an entry, with the content of its dataset; undefined if the file is none. */
export function entryAt(path: string, cache = dirname(path)): (Entry & { content: string }) | undefined {
  const entry = describe(path);
  return entry && { ...entry, content: filesOf(cache, entry).content };
}

/** Returns the images of a cached dataset's source that could not be read, as "path (reason)". */
export function skippedOf({ train }: Pick<DatasetFiles, 'train'>): string[] {
  return describe(train.path.replace(/\.bin$/, '.json'))?.skipped ?? [];
}

const whole = z.int().nonnegative();
const part = z.strictObject({ path: z.string(), count: whole, images: whole, labels: whole });
const entrySchema: z.ZodType<Entry> = z.strictObject({
  format: z.literal(entryFormat),
  files: z.strictObject({
    name: z.string(),
    source: z.string(),
    classes: z.array(z.string()),
    height: whole,
    width: whole,
    holdOut: z.enum(['uniform', 'stratified']),
    train: part,
    test: part,
  }),
  bytes: whole,
  sha256: z.string(),
  skipped: z.array(z.string()),
  again: z.array(z.string()).exactOptional(),
  classContents: z
    .array(z.strictObject({ name: z.string(), train: whole, test: whole, paths: z.string(), bytes: z.string() }))
    .exactOptional(),
});

function describe(path: string): Entry | undefined {
  try {
    return entrySchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return undefined; // missing, damaged or of another version: it is prepared again
  }
}

function isWhole(cache: string, entry: Entry): boolean {
  const block = join(cache, entry.files.train.path);
  return existsSync(block) && statSync(block).size === entry.bytes;
}

function filesOf(cache: string, { files, sha256 }: Pick<Entry, 'files' | 'sha256'>): DatasetFiles {
  const { name: _, source: __, train, test, ...same } = files;
  const content = contentIdentity({ sha256, ...same, images: [train.count, test.count] });
  const inCache = <Part extends { path: string }>(part: Part) => ({ ...part, path: join(cache, part.path) });
  return { ...files, content, train: inCache(train), test: inCache(test) };
}

/** Removes unfinished files of this entry. The caller must hold the lock. */
function clearLeftovers(cache: string, key: string): void {
  for (const name of readdirSync(cache)) {
    if (name.startsWith(`${key}.`) && name.endsWith('.tmp')) rmSync(join(cache, name), { force: true });
  }
}

function makeFolder(cache: string): void {
  try {
    makeFolders(cache);
    accessSync(cache, constants.W_OK);
  } catch (error) {
    throw diskSentence(cache, error);
  }
}

const diskReasons: Record<string, string> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EACCES: 'it may not be written',
  EPERM: 'it may not be written',
  EROFS: 'the disk is read-only',
  ENOTDIR: 'a part of its path is a file',
  EEXIST: 'it is a file, or a broken link',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
  EIO: 'the disk failed',
  ELOOP: 'a link in its path leads to itself',
  ENAMETOOLONG: 'its path is too long',
  ENOENT: 'it cannot be created there',
};

/** Returns an error of the cache's disk as a sentence; any other error unchanged. */
function diskSentence(cache: string, error: unknown): unknown {
  const { code = '', path } = (error ?? {}) as NodeJS.ErrnoException;
  const reason = diskReasons[code];
  const elsewhere = path !== undefined && !path.startsWith(cache) && !cache.startsWith(path);
  if (!reason || elsewhere || error instanceof Failure) return error;
  return new Failure(`${cache}: cannot store datasets here, ${reason}; NASNET_CACHE names another folder`);
}

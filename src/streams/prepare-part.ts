// Writes one part of a source as prepared shards: shuffled once, so that training reads shards from their beginning to
// their end. Whole shards of a preparation that was stopped are verified and kept.

import { existsSync, readdirSync, rmSync, statfsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { contentIdentity } from '../content-identity.ts';
import { Failure, InputError } from '../failure.ts';
import { RandomStream } from '../random/stream.ts';
import { clearUnfinished, finishedName, makeFolder } from '../whole-file.ts';
import { bytesWords, whole } from '../words.ts';
import { epochOrder } from './epoch-order.ts';
import type { ImageSource } from './open-source.ts';
import { type PreparedForm, preparePicture } from './prepare-picture.ts';
import { type PreparedShard, preparedIndexName, writePreparedIndex } from './prepared.ts';
import { readShard, type ShardPicture, verifyShard, writeShard } from './prepared-shard.ts';
import { OpenFiles } from './random-access.ts';
import { readIndex, type SourcePart, sourceParts } from './stream-index.ts';

export interface Preparation extends PreparedForm {
  source: ImageSource;
  part: SourcePart;
  /** The folder of all parts. */
  root: string;
  /** Seed of the order. */
  seed: number;
  /** Pictures of a shard. */
  perShard?: number;
}

/** A shard of 100 MB or so: little work is lost with it, and few files are needed. */
const picturesPerShard = { jpeg: 2048, raw: 512 };
const shardName = /^\d{5}\.shard$/;

/** Returns what identifies all bytes of a preparation. */
export const preparationIdentity = (preparation: Preparation): string => {
  const { source, part, side, quality, seed } = preparation;
  const perShard = shardLength(preparation);
  return contentIdentity({ source: source.identity, part, side, quality: quality ?? 'raw', seed, perShard });
};

const shardLength = ({ perShard, quality }: Preparation): number =>
  perShard ?? picturesPerShard[quality === undefined ? 'raw' : 'jpeg'];

const folderOf = ({ root, part }: Preparation): string => join(root, part);
export const preparedIndexPath = (preparation: Preparation): string => join(folderOf(preparation), preparedIndexName);

/** Pictures that are tried to learn what all will take. */
const tried = 48;

/** Returns about how many bytes the part will take, from some of its pictures; and from how many. */
export async function estimateBytes(preparation: Preparation): Promise<{ bytes: number; from: number }> {
  const { source } = preparation;
  const places = Array.from({ length: Math.min(tried, source.count) }, (_, number) =>
    Math.floor(((number + 0.5) * source.count) / Math.min(tried, source.count)),
  );
  let [bytes, from] = [0, 0];
  for (const place of places) {
    const picture = await readPicture(preparation, place);
    if ('unreadable' in picture) continue;
    bytes += picture.bytes.length + 4 * picture.name.length; // the name is in the shard and in the index
    from++;
  }
  if (from === 0) throw new InputError(`${source.nameOf(0)}: expected pictures, could read none of ${places.length}`);
  return { bytes: Math.ceil((bytes / from) * source.count), from };
}

/** Returns the free bytes of the disk that has a folder, or will have it. */
function freeDisk(folder: string): number {
  if (!existsSync(folder)) return freeDisk(dirname(folder));
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** Estimates from few pictures are a few percent off. */
const reserve = 1.05;

/**
 * Returns the bytes that a preparation needs and has, those of its shards that exist included.
 * @param free of the disk; for tests
 * @throws Failure if they are too few
 */
export function requireDisk(
  root: string,
  bytes: number,
  free = freeDisk(resolve(root)),
): [needed: number, has: number] {
  const [needed, has] = [reserve * bytes, free + writtenBytes(root)];
  if (needed <= has) return [needed, has];
  throw new Failure(
    `${root}: ${bytesWords(needed)} are needed and ${bytesWords(has)} are free; a smaller side, JPEG of a lower ` +
      'quality instead of raw pixels, or another disk would do',
  );
}

/** Returns the bytes of shards that a folder has already, in all its parts. */
function writtenBytes(root: string): number {
  const folders = sourceParts.map((part) => join(root, part)).filter((folder) => existsSync(folder));
  return folders
    .flatMap((folder) =>
      readdirSync(folder)
        .filter((name) => shardName.test(name))
        .map((name) => join(folder, name)),
    )
    .reduce((sum, path) => sum + statSync(path).size, 0);
}

export interface PreparationHooks {
  /** Called with the pictures that are in shards, those of an earlier run too. */
  onPictures: (done: number, isEarlier: boolean) => void;
  onUnreadable: (sentence: string) => void;
  signal?: AbortSignal;
}

/**
 * Refuses a folder with files that are not of this preparation.
 * @param overwrite removes shards of other preparations instead; files that are no shards stay in any case
 */
export function clearFolder(preparation: Preparation, overwrite: boolean): void {
  const folder = folderOf(preparation);
  if (!existsSync(folder)) return;
  const of = preparationIdentity(preparation);
  using files = new OpenFiles();
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const finished = finishedName(name);
    const isOwn = shardName.test(finished) || finished === preparedIndexName;
    if (isOwn && finished !== name) clearUnfinished(join(folder, finished));
    else if (shardName.test(name)) {
      if (isOf(path, of, files)) continue;
      if (!overwrite) throw otherPreparation(folder, name);
      rmSync(path);
    } else if (!overwrite && !isOwn && !name.startsWith('.')) throw otherPreparation(folder, name);
  }
}

const otherPreparation = (folder: string, name: string) =>
  new InputError(`${folder}: expected an empty folder, or one of the same preparation, got ${name}`, {
    code: 'result-exists',
  });

/** Whether a shard is of a preparation; a damaged one counts, since it is written again. */
function isOf(path: string, of: string, files: OpenFiles): boolean {
  try {
    return readShard(path, files).of === of;
  } catch (error) {
    if (error instanceof InputError) return true;
    throw error;
  }
}

/** Writes the shards that are missing, then the index; returns the bytes and pictures of all. */
export async function preparePart(
  preparation: Preparation,
  hooks: PreparationHooks,
): Promise<{ bytes: number; pictures: number; unreadable: number }> {
  const { source, seed } = preparation;
  const folder = folderOf(preparation);
  makeFolder(folder);
  const of = preparationIdentity(preparation);
  const order = epochOrder(source.index, new RandomStream(seed).split('prepare'));
  const each = shardLength(preparation);
  const shards: PreparedShard[] = [];
  let done = 0;
  for (let number = 0; number * each < order.length; number++) {
    const name = `${String(number).padStart(5, '0')}.shard`;
    const earlier = finishedShard(folder, name, of, number);
    if (!earlier) rmSync(join(folder, preparedIndexName), { force: true }); // it speaks of other shards
    const places = order.subarray(number * each, (number + 1) * each);
    const count = (more: number) => hooks.onPictures(done + more, earlier !== undefined);
    const shard = earlier ?? (await writeNext(preparation, { folder, name, of, number, places }, { ...hooks, count }));
    for (const sentence of shard.contents.unreadable) hooks.onUnreadable(sentence);
    done += places.length;
    count(0);
    shards.push(shard);
  }
  if (!readIndex(join(folder, preparedIndexName))) writePreparedIndex(folder, source.classes, shards);
  return {
    bytes: shards.reduce((sum, { bytes }) => sum + bytes, 0),
    pictures: shards.reduce((sum, { contents }) => sum + contents.names.length, 0),
    unreadable: shards.reduce((sum, { contents }) => sum + contents.unreadable.length, 0),
  };
}

/** Returns a whole shard of an earlier run whose checksums agree. */
function finishedShard(folder: string, name: string, of: string, number: number): PreparedShard | undefined {
  const path = join(folder, name);
  if (!existsSync(path)) return undefined;
  using files = new OpenFiles();
  try {
    const contents = readShard(path, files);
    if (contents.of !== of || contents.number !== number) return undefined;
    verifyShard(path, contents, files);
    return { name, bytes: files.file(path).size, contents };
  } catch (error) {
    if (error instanceof InputError) return undefined; // damaged: it is written again
    throw error;
  }
}

interface NextShard {
  folder: string;
  name: string;
  of: string;
  number: number;
  /** Its pictures of the source, in the shard's order. */
  places: Int32Array;
}

/** Pictures that are read and encoded at a time. */
const together = 8;
/** A shard with a larger share of unreadable pictures, and more than some, is a damaged source. */
const most = { share: 0.1, some: 16 };

async function writeNext(
  preparation: Preparation,
  { folder, name, of, number, places }: NextShard,
  { count, signal }: { count: (more: number) => void; signal?: AbortSignal },
): Promise<PreparedShard> {
  const pictures: (ShardPicture | { unreadable: string })[] = new Array(places.length);
  const waiting = [...places.keys()].sort((one, other) => places[one]! - places[other]!); // as the source has them
  let [next, done] = [0, 0];
  const lane = async () => {
    while (next < waiting.length) {
      signal?.throwIfAborted();
      const place = waiting[next++]!;
      pictures[place] = await readPicture(preparation, places[place]!);
      count(++done);
    }
  };
  await Promise.all(Array.from({ length: together }, lane));
  const readable = pictures.filter((picture) => 'bytes' in picture);
  const unreadable = pictures.flatMap((picture) => ('bytes' in picture ? [] : [picture.unreadable]));
  if (unreadable.length > Math.max(most.some, most.share * places.length))
    throw new Failure(
      `${whole(unreadable.length)} of ${whole(places.length)} pictures could not be read: ${unreadable[0]}`,
    );
  const path = join(folder, name);
  const bytes = writeShard(path, { of, number, unreadable }, readable);
  using files = new OpenFiles();
  return { name, bytes, contents: readShard(path, files) };
}

/** Reads and encodes one picture. @throws Failure for what the system refuses, since it may pass */
async function readPicture(
  { source, side, quality }: Preparation,
  place: number,
): Promise<ShardPicture | { unreadable: string }> {
  const name = source.nameOf(place);
  try {
    const stored = await preparePicture(await source.picture(place), { side, quality });
    return { name, label: source.label(place), ...stored };
  } catch (error) {
    if (error instanceof Failure) throw error;
    return { unreadable: `${name}: expected a picture, got ${(error as Error).message.split('\n')[0]}` };
  }
}

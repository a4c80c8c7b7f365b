// What `nasnet prepare` wrote: a folder for each part, with shards and an index. Opening reads the index only.

import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../failure.ts';
import { readShard, type ShardContents, verifyShard } from './prepared-shard.ts';
import { OpenFiles } from './random-access.ts';
import {
  type Entry,
  identityOf,
  indexOf,
  readIndex,
  type SourcePart,
  type StreamIndex,
  sourceParts,
  writeIndex,
} from './stream-index.ts';

export const preparedIndexName = 'nasnet.index';

/** Consecutive pictures that an epoch reads together, so that reads stay sequential. */
export const preparedRun = 64;

/** Whether a folder has prepared pictures: of one part, or of any. */
export const isPrepared = (path: string, part?: SourcePart): boolean =>
  (part === undefined ? sourceParts : [part]).some((each) => existsSync(join(path, each, preparedIndexName)));

/** Returns the size of raw pixels; undefined for image files. */
export function rawSize(index: StreamIndex, place: number): { height: number; width: number } | undefined {
  const size = index.kind === 'prepared' ? index.records[place]! : 0;
  return size === 0 ? undefined : { height: size % 65_536, width: Math.floor(size / 65_536) };
}

/** Opens a part of a prepared folder. @throws InputError for a damaged index and for missing or shortened shards */
export function openPrepared(root: string, part: SourcePart): StreamIndex {
  const folder = join(root, part);
  const path = join(folder, preparedIndexName);
  if (!existsSync(path))
    throw new InputError(`${root}: expected the part ${part}, which has not been prepared`, { code: 'no-part' });
  const index = readIndex(path);
  if (!index)
    throw new InputError(`${path}: expected the index of prepared pictures, got a damaged file; prepare again`);
  for (const shard of index.witnesses) {
    const shardPath = join(folder, shard.path);
    const size = statSync(shardPath, { throwIfNoEntry: false })?.size;
    if (size !== shard.bytes)
      throw new InputError(`${shardPath}: expected ${shard.bytes} bytes, got ${size ?? 'no file'}; prepare again`);
  }
  return { ...index, paths: index.paths.map((shard) => join(folder, shard)) };
}

/** A finished shard of a part. */
export interface PreparedShard {
  /** In its folder. */
  name: string;
  bytes: number;
  contents: ShardContents;
}

/** Writes the index of finished shards, by which a part is opened. */
export function writePreparedIndex(folder: string, classes: readonly string[], shards: readonly PreparedShard[]): void {
  writeIndex(join(folder, preparedIndexName), preparedIndex(classes, shards));
}

function preparedIndex(classes: readonly string[], shards: readonly PreparedShard[]): StreamIndex {
  const entries = shards.flatMap(({ contents: { names, labels, lengths, sizes } }, file): Entry[] => {
    let offset = 0;
    return names.map((name, place) => {
      const length = lengths[place]!;
      offset += length;
      return { name, label: labels[place]!, file, offset: offset - length, length, record: sizes[place]! };
    });
  });
  return indexOf(
    {
      kind: 'prepared',
      classes: [...classes],
      paths: shards.map(({ name }) => name),
      witnesses: shards.map(({ name, bytes }) => ({ path: name, bytes, modified: 0 })), // may be copied and moved
      remarks: [],
      run: preparedRun,
    },
    entries,
  );
}

/**
 * Compares all shards of a part with their checksums, and the index with the shards.
 * @throws InputError with the first that differs
 */
export function verifyPrepared(root: string, part: SourcePart, onVerified: (pictures: number) => void): void {
  const index = openPrepared(root, part);
  using files = new OpenFiles();
  const shards = index.witnesses.map(({ path: name, bytes }): PreparedShard => {
    const path = join(root, part, name);
    const contents = readShard(path, files);
    verifyShard(path, contents, files);
    onVerified(contents.names.length);
    return { name, bytes, contents };
  });
  if (identityOf(preparedIndex(index.classes, shards)) !== identityOf(index))
    throw new InputError(`${join(root, part, preparedIndexName)}: expected the index of its shards, got another one`);
}

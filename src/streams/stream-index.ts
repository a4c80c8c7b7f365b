// The index of a source: where each picture is and which class it has. Its arrays are shared memory, so that threads
// use one copy; it is kept in the cache, so that a source is listed once.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { contentIdentity } from '../content-identity.ts';
import { largest } from '../largest.ts';
import { makeFolder, writeWhole } from '../whole-file.ts';

export const sourceKinds = ['class-folders', 'tar', 'tfrecord', 'parquet', 'prepared'] as const;
export type SourceKind = (typeof sourceKinds)[number];

export const sourceParts = ['train', 'validation'] as const;
export type SourcePart = (typeof sourceParts)[number];

/** A file or folder whose change makes an index stale. */
export interface Witness {
  path: string;
  /** 0 for folders, whose size says nothing. */
  bytes: number;
  modified: number;
}

export interface IndexHeader {
  kind: SourceKind;
  classes: string[];
  count: number;
  /** The files with the pictures; of class folders the folder, which names lead from. */
  paths: string[];
  witnesses: Witness[];
  /** Sentences about what is unusual in the source. */
  remarks: string[];
  /**
   * Consecutive pictures that are read together: the rows of a group in Parquet, 64 in prepared shards. 1: any order is
   * as fast.
   */
  run: number;
  /** Names are omitted in formats that have none. */
  nameBytes: number;
}

/** The arrays, one value a picture. */
interface Columns {
  labels: Int32Array;
  /** Which of `paths`. */
  files: Uint32Array;
  /** Byte of the picture in its file; in Parquet its row. */
  offsets: Float64Array;
  lengths: Uint32Array;
  /** Byte at which the picture's record starts (TFRecord); width and height of raw pixels (prepared), else 0. */
  records: Float64Array;
  /** End of its name in `names`. */
  nameEnds: Uint32Array;
}

const columnTypes = {
  offsets: Float64Array,
  records: Float64Array,
  labels: Int32Array,
  files: Uint32Array,
  lengths: Uint32Array,
  nameEnds: Uint32Array,
} as const;
const columnNames = Object.keys(columnTypes) as (keyof typeof columnTypes)[];

/** Plain data that can be sent to a thread; its arrays are then shared. */
export interface StreamIndex extends IndexHeader, Columns {
  names: Uint8Array;
}

/** A picture while an index is built. */
export interface Entry {
  name: string;
  label: number;
  file?: number;
  offset?: number;
  length: number;
  record?: number;
}

/** Returns an index of entries in their order. */
export function indexOf(header: Omit<IndexHeader, 'count' | 'nameBytes'>, entries: readonly Entry[]): StreamIndex {
  const names = Buffer.from(entries.map(({ name }) => name).join(''));
  const index = emptyIndex({ ...header, count: entries.length, nameBytes: names.length });
  index.names.set(names);
  let end = 0;
  for (const [place, { name, label, file = 0, offset = 0, length, record = 0 }] of entries.entries()) {
    index.labels[place] = label;
    index.files[place] = file;
    index.offsets[place] = offset;
    index.lengths[place] = length;
    index.records[place] = record;
    index.nameEnds[place] = end += Buffer.byteLength(name);
  }
  return index;
}

function emptyIndex(header: IndexHeader): StreamIndex {
  const columns = Object.fromEntries(
    columnNames.map((name) => {
      const type = columnTypes[name] as new (buffer: SharedArrayBuffer) => Columns[keyof Columns];
      const bytes = columnTypes[name].BYTES_PER_ELEMENT * header.count;
      return [name, new type(new SharedArrayBuffer(bytes))];
    }),
  ) as unknown as Columns;
  return { ...header, ...columns, names: new Uint8Array(new SharedArrayBuffer(header.nameBytes)) };
}

/** Returns the name of a picture in its source. */
export const nameIn = ({ names, nameEnds }: StreamIndex, place: number): string =>
  Buffer.from(names.subarray(place === 0 ? 0 : nameEnds[place - 1]!, nameEnds[place])).toString('utf8');

/** Returns what identifies pictures, classes and order. */
export function identityOf(index: StreamIndex): string {
  const { classes, count, kind } = index;
  return contentIdentity({ classes, count, kind, sha256: hashOf(index) });
}

function* parts(index: StreamIndex): Iterable<Uint8Array> {
  for (const name of columnNames) {
    const { buffer, byteOffset, byteLength } = index[name];
    yield new Uint8Array(buffer, byteOffset, byteLength);
  }
  yield index.names;
}

const format = 1;
const headerSchema = z.strictObject({
  format: z.literal(format),
  kind: z.enum(sourceKinds),
  classes: z.array(z.string()).max(largest.classes),
  count: z.int().min(0),
  paths: z.array(z.string()),
  witnesses: z.array(z.strictObject({ path: z.string(), bytes: z.number(), modified: z.number() })),
  remarks: z.array(z.string()),
  run: z.int().min(1),
  nameBytes: z.int().min(0),
  sha256: z.string(),
});

/** Writes an index whole: a line of JSON, then the arrays. */
export function writeIndex(path: string, index: StreamIndex): void {
  const { kind, classes, count, paths, witnesses, remarks, run, nameBytes } = index;
  const header = { format, kind, classes, count, paths, witnesses, remarks, run, nameBytes };
  writeWhole(path, [`${JSON.stringify({ ...header, sha256: hashOf(index) })}\n`, ...parts(index)]);
}

function hashOf(index: StreamIndex): string {
  const hash = createHash('sha256');
  for (const bytes of parts(index)) hash.update(bytes);
  return hash.digest('hex');
}

/** Reads an index; undefined if it is missing, damaged or of another format. */
export function readIndex(path: string): StreamIndex | undefined {
  if (!existsSync(path)) return undefined;
  const bytes = readFileSync(path);
  const line = bytes.indexOf(0x0a);
  const parsed = headerSchema.safeParse(jsonOf(bytes.toString('utf8', 0, Math.max(0, line))));
  if (!parsed.success) return undefined;
  const { format: _, sha256, ...header } = parsed.data;
  const index = emptyIndex(header);
  let at = line + 1;
  for (const part of parts(index)) {
    if (at + part.length > bytes.length) return undefined;
    part.set(bytes.subarray(at, at + part.length));
    at += part.length;
  }
  return at === bytes.length && hashOf(index) === sha256 ? index : undefined;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Returns what shows later whether a file or folder has changed. */
export function witnessOf(path: string): Witness {
  const status = statSync(path, { throwIfNoEntry: false });
  return { path, bytes: status?.isFile() ? status.size : 0, modified: status?.mtimeMs ?? 0 };
}

/**
 * Returns the index under `key` in the cache's folder of indices, made again if it is missing, damaged or older than
 * what it lists.
 */
export async function cachedIndex(
  cache: string,
  key: unknown,
  make: () => StreamIndex | Promise<StreamIndex>,
): Promise<StreamIndex> {
  const folder = join(cache, 'streams');
  const path = join(folder, `${contentIdentity({ format, key }).slice(0, 32)}.index`);
  const present = readIndex(path);
  if (present && isFresh(present)) return present;
  const index = await make();
  makeFolder(folder);
  writeIndex(path, index);
  return index;
}

const isFresh = ({ witnesses }: StreamIndex): boolean =>
  witnesses.every((each) => {
    const now = witnessOf(each.path);
    return now.bytes === each.bytes && now.modified === each.modified;
  });

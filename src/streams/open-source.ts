// Opens a source of labelled pictures in any format, and reads single pictures of it. Only the index is in memory.

import { readdirSync, statSync } from 'node:fs';
import { dirname, extname, join, resolve } from 'node:path';
import { cacheRoot } from '../data/cache.ts';
import { partOf } from '../data/folder-names.ts';
import { readAhead, type StoredPixels } from '../engine/picture-part.ts';
import { InputError } from '../failure.ts';
import { reasonOf } from '../system-error.ts';
import { classFolderIndex, flatValidationIndex, isFlat } from './class-folders.ts';
import { rangesOf } from './epoch-order.ts';
import { ParquetPictures, parquetIndex } from './parquet.ts';
import { isPrepared, openPrepared, rawSize } from './prepared.ts';
import { OpenFiles } from './random-access.ts';
import { cachedIndex, identityOf, nameIn, type SourcePart, type StreamIndex } from './stream-index.ts';
import { classTarIndex, devkitFor, tarKind, validationTarIndex, webDatasetIndex } from './tar-sources.ts';
import { readRecordPicture, tfrecordIndex } from './tfrecord.ts';

/** Labelled pictures by their place, from 0 to count − 1. */
export interface ImageSource extends Disposable {
  readonly count: number;
  readonly classes: readonly string[];
  /** Identity of the pictures, their classes and their order. */
  readonly identity: string;
  /** Sentences about what is unusual in the source. */
  readonly remarks: readonly string[];
  /** The index, by which a thread opens the same source without listing it. */
  readonly index: StreamIndex;
  label(place: number): number;
  /** Returns the picture's name, for messages. */
  nameOf(place: number): string;
  /**
   * Returns a picture's file; raw pixels become a PNG.
   * @throws InputError or Failure with the file's name if the picture cannot be read
   */
  picture(place: number): Promise<Uint8Array>;
  /** Returns where a picture's raw pixels are; undefined for image files. */
  pixels(place: number): StoredPixels | undefined;
  /** Asks the system to read pictures of prepared shards, which lie together; has no effect on other sources. */
  readAhead(places: Int32Array): void;
}

export interface SourceOptions {
  /** Which pictures, where the source has both. Default: train. */
  part?: SourcePart | undefined;
  /** ImageNet's devkit, for its validation pictures. Default: the one next to them. */
  devkit?: string | undefined;
  cache?: string;
  /** Called with the number of pictures listed up to now. */
  onListed?: (count: number) => void;
}

/**
 * Opens class folders, a tar of tars or of pictures, shards of WebDataset or TFRecord, Parquet files, or what
 * `nasnet prepare` wrote. The source is listed once; the index is kept in the cache.
 * @throws InputError with what was expected and found
 */
export async function openSource(path: string, options: SourceOptions = {}): Promise<ImageSource> {
  const root = resolve(path);
  const { part = 'train', cache = cacheRoot() } = options;
  if (isPrepared(root)) return sourceOf(openPrepared(root, part));
  using files = new OpenFiles();
  let listed = 0;
  const onCount = (count: number) => {
    listed += count;
    options.onListed?.(listed);
  };
  const lister = findLister(root, part, options.devkit, files);
  return sourceOf(await cachedIndex(cache, lister.key, () => lister.list(onCount)));
}

/** Opens a part of a source; undefined if the source has no such part. @throws InputError as `openSource` */
export async function openPart(path: string, options: SourceOptions): Promise<ImageSource | undefined> {
  try {
    return await openSource(path, options);
  } catch (error) {
    if ((error as InputError).code === 'no-part') return undefined;
    throw error;
  }
}

/**
 * Whether a path names pictures that can only be streamed: an archive, shards, or what `nasnet prepare` wrote; not
 * class folders, and not what does not exist.
 */
export function isArchive(path: string): boolean {
  const status = statSync(path, { throwIfNoEntry: false });
  if (!status?.isDirectory()) return status !== undefined;
  return isPrepared(path) || shardNames(path).length > 0 || shardNames(join(path, 'data')).length > 0;
}

interface Lister {
  /** Identifies what is listed and how. */
  key: unknown;
  list: (onCount: (count: number) => void) => StreamIndex | Promise<StreamIndex>;
}

function findLister(root: string, part: SourcePart, devkit: string | undefined, files: OpenFiles): Lister {
  const status = statSync(root, { throwIfNoEntry: false });
  if (!status) throw new InputError(`${root}: expected a folder or file of pictures, got no such file`);
  return status.isDirectory() ? folderLister(root, part, devkit, files) : fileLister([root], devkit, files);
}

function fileLister(paths: readonly string[], devkit: string | undefined, files: OpenFiles): Lister {
  const path = paths[0]!;
  const format = formatOf(path);
  if (format === 'parquet') return { key: ['parquet', paths], list: (onCount) => parquetIndex(paths, files, onCount) };
  if (format === 'tfrecord')
    return { key: ['tfrecord', paths], list: (onCount) => tfrecordIndex(paths, files, onCount) };
  if (format !== 'tar')
    throw new InputError(`${path}: expected a tar, TFRecord shards (NAME-00000-of-00010) or a Parquet file`);
  const kind = tarKind(files.file(path));
  if (kind === 'classes') {
    requireOne(paths);
    return { key: ['class tar', path], list: (onCount) => classTarIndex(path, files, onCount) };
  }
  if (kind === 'validation') {
    requireOne(paths);
    const found = resolve(devkitFor(path, devkit));
    return { key: ['validation tar', path, found], list: () => validationTarIndex(path, found, files) };
  }
  return { key: ['web dataset', paths], list: (onCount) => webDatasetIndex(paths, files, onCount) };
}

function requireOne(paths: readonly string[]): void {
  if (paths.length > 1)
    throw new InputError(
      `${dirname(paths[0]!)}: expected shards, or one of ImageNet's tar files, got ${paths.length} files: name one`,
    );
}

function folderLister(root: string, part: SourcePart, devkit: string | undefined, files: OpenFiles): Lister {
  const shards = shardsIn(root, part);
  if (shards.length > 0) return fileLister(shards, devkit, files);
  if (isFlat(root)) {
    const found = resolve(devkitFor(join(root, 'pictures'), devkit ?? devkitAbove(root)));
    return { key: ['flat folder', root, found], list: () => flatValidationIndex(root, found, files) };
  }
  return { key: ['class folders', root, part], list: (onCount) => classFolderIndex(root, part, onCount) };
}

/** Returns the devkit next to a flat folder; undefined if there is none. */
function devkitAbove(root: string): string | undefined {
  try {
    return devkitFor(root, undefined);
  } catch {
    return undefined; // looked for in the folder itself, and then refused
  }
}

type ShardFormat = 'tar' | 'tfrecord' | 'parquet';

/** Returns the format of a shard by its name. */
function formatOf(name: string): ShardFormat | undefined {
  const ending = extname(name).toLowerCase();
  if (ending === '.tar' || ending === '.parquet') return ending.slice(1) as ShardFormat;
  return ending === '.tfrecord' || ending === '.tfrecords' || /-\d{4,5}-of-\d{4,5}$/.test(name)
    ? 'tfrecord'
    : undefined;
}

/**
 * Returns the shards of a folder or of its folder `data` in the order of their names: those of the part, where names
 * begin with parts (train-00000-of-01024, validation-00000-of-00128).
 * @throws InputError for shards of several formats, and a part without shards
 */
function shardsIn(root: string, part: SourcePart): string[] {
  const inRoot = shardNames(root);
  const folder = inRoot.length > 0 ? root : join(root, 'data');
  const names = inRoot.length > 0 ? inRoot : shardNames(folder);
  const formats = new Set(names.map(formatOf));
  if (formats.size > 1)
    throw new InputError(`${folder}: expected shards of one format, got ${[...formats].sort().join(' and ')} files`);
  const parts = names.map((name) => partOf(/^[a-z]+/i.exec(name)?.[0] ?? ''));
  if (parts.every((each) => each === undefined)) return names.map((name) => join(folder, name));
  const chosen = names.filter((_, place) => parts[place] === part);
  if (chosen.length === 0)
    throw new InputError(`${folder}: expected shards of the part ${part}, got ${names[0]} …`, { code: 'no-part' });
  requireWhole(folder, chosen);
  return chosen.map((name) => join(folder, name));
}

function shardNames(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => !name.startsWith('.') && formatOf(name) !== undefined)
      .sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw new InputError(`${folder}: could not be listed: ${reasonOf(error as Error)}`);
  }
}

/** Refuses a set of shards that says how many it has and lacks some. */
function requireWhole(folder: string, names: readonly string[]): void {
  const [, count] = /-of-(\d+)/.exec(names[0]!) ?? [];
  if (count === undefined || Number(count) === names.length) return;
  throw new InputError(
    `${folder}: expected all ${Number(count)} shards that ${names[0]} is one of, got ${names.length}`,
  );
}

/** Opens a source by its index. */
export function sourceOf(index: StreamIndex): ImageSource {
  const files = new OpenFiles();
  const parquet = new ParquetPictures(files);
  const { classes, count, remarks } = index;
  let identity: string | undefined;
  return {
    classes,
    count,
    remarks,
    index,
    get identity() {
      identity ??= identityOf(index);
      return identity;
    },
    label: (place) => index.labels[place]!,
    nameOf: (place) => nameIn(index, place),
    picture: (place) => readPicture(index, place, files, parquet),
    pixels: (place) => {
      const size = rawSize(index, place);
      const file = size && files.descriptor(index.paths[index.files[place]!]!);
      return size && { file: file!, offset: index.offsets[place]!, ...size };
    },
    readAhead: (places) => {
      if (index.kind !== 'prepared') return;
      for (const { path, offset, length } of rangesOf(index, places)) readAhead(files.descriptor(path), offset, length);
    },
    [Symbol.dispose]: () => files[Symbol.dispose](),
  };
}

async function readPicture(
  index: StreamIndex,
  place: number,
  files: OpenFiles,
  parquet: ParquetPictures,
): Promise<Uint8Array> {
  const path = index.paths[index.files[place]!]!;
  const [offset, length, record] = [index.offsets[place]!, index.lengths[place]!, index.records[place]!];
  if (index.kind === 'parquet') return parquet.picture(path, offset);
  if (index.kind === 'tfrecord') return readRecordPicture(files.file(path), record, offset, length);
  if (index.kind === 'class-folders') {
    const file = files.file(join(path, nameIn(index, place)));
    return file.read(0, file.size);
  }
  const bytes = files.read(path, offset, length);
  if (bytes.length < length)
    throw new InputError(`${path}: expected ${length} bytes of ${nameIn(index, place)}, got ${bytes.length}`);
  const size = rawSize(index, place);
  return size ? encoded(bytes, size) : bytes;
}

/** Returns raw pixels as a PNG without compression. */
async function encoded(pixels: Uint8Array, size: { height: number; width: number }): Promise<Uint8Array> {
  const { default: sharp } = await import('sharp');
  return sharp(pixels, { raw: { ...size, channels: 3 } })
    .png({ compressionLevel: 0 })
    .toBuffer();
}

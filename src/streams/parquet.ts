// Index and pictures of Hugging Face's Parquet files: a column `image` with { bytes, path }, and a column `label`. The
// rows of a group are stored together, so that pictures of one group are read at once.

import { basename, dirname } from 'node:path';
import { type AsyncBuffer, type FileMetaData, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { InputError } from '../failure.ts';
import type { OpenFiles, RandomAccess } from './random-access.ts';
import { numberedClasses } from './shards.ts';
import { type Entry, indexOf, type StreamIndex, witnessOf } from './stream-index.ts';

const asyncBuffer = (file: RandomAccess): AsyncBuffer => ({
  byteLength: file.size,
  slice: (start, end = file.size) => {
    const { buffer, byteOffset, byteLength } = file.read(start, end - start);
    return (buffer as ArrayBuffer).slice(byteOffset, byteOffset + byteLength);
  },
});

/** Calls the library, whose errors say nothing of the file. */
async function reading<Result>(file: RandomAccess, read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${file.name}: expected a whole Parquet file, got ${(error as Error).message}`);
  }
}

/** Lists files in the order of their names, rows as they are stored. */
export async function parquetIndex(
  paths: readonly string[],
  files: OpenFiles,
  onCount: (count: number) => void,
): Promise<StreamIndex> {
  const entries: Entry[] = [];
  let named: string[] | undefined;
  let run = 1;
  for (const [place, path] of paths.entries()) {
    const file = files.file(path);
    const metadata = await reading(file, () => parquetMetadataAsync(asyncBuffer(file)));
    requireColumns(file, metadata);
    named ??= classNames(metadata);
    run = metadata.row_groups.reduce((most, group) => Math.max(most, Number(group.num_rows)), run);
    const labels = await labelsOf(file, metadata);
    for (const [row, label] of labels.entries())
      entries.push({ name: `${basename(path)}#${row}`, label, file: place, offset: row, length: 0 });
    onCount(labels.length);
  }
  const numbered = numberedClasses(entries.map(({ label }) => label));
  if (named && numbered.length > named.length)
    throw new InputError(
      `${dirname(paths[0]!)}: expected labels from 0 to ${named.length - 1}, as the names in the file, got ${numbered.at(-1)}`,
    );
  const classes = named ?? numbered;
  return indexOf(
    { kind: 'parquet', classes, paths: [...paths], witnesses: paths.map(witnessOf), remarks: [], run },
    entries,
  );
}

function requireColumns({ name }: RandomAccess, { schema }: FileMetaData): void {
  const columns = schema.map((each) => each.name);
  const missing = ['image', 'bytes', 'label'].find((column) => !columns.includes(column));
  if (missing)
    throw new InputError(`${name}: expected the columns image.bytes and label, got ${columns.slice(1).join(', ')}`);
}

async function labelsOf(file: RandomAccess, metadata: FileMetaData): Promise<number[]> {
  const rows = await reading(file, () =>
    parquetReadObjects({ file: asyncBuffer(file), metadata, columns: ['label'], compressors }),
  );
  return rows.map(({ label }, row) => {
    const number = Number(label);
    if (label !== null && Number.isInteger(number) && number >= 0) return number;
    const hint = number === -1 ? ' (the test part has no labels)' : '';
    throw new InputError(`${file.name}: row ${row}: expected a class from 0, got ${label}${hint}`);
  });
}

/** Returns the names of the classes that Hugging Face's library stores; undefined if there are none. */
function classNames({ key_value_metadata = [] }: FileMetaData): string[] | undefined {
  const text = key_value_metadata.find(({ key }) => key === 'huggingface')?.value;
  try {
    const names: unknown = JSON.parse(text ?? 'null')?.info?.features?.label?.names;
    return Array.isArray(names) && names.every((name) => typeof name === 'string') ? names : undefined;
  } catch {
    return undefined;
  }
}

/** Row groups in memory: a thread reads pictures of one or two at a time. */
const groupsKept = 2;

/** Reads pictures by row, with the latest groups in memory. */
export class ParquetPictures {
  readonly #files: OpenFiles;
  readonly #metadata = new Map<string, Promise<FileMetaData>>();
  readonly #groups = new Map<string, Promise<(Uint8Array | undefined)[]>>();

  constructor(files: OpenFiles) {
    this.#files = files;
  }

  /** @throws InputError for a row without a picture */
  async picture(path: string, row: number): Promise<Uint8Array> {
    const file = this.#files.file(path);
    const metadata = await this.#metadataOf(file);
    let [start, end] = [0, 0];
    for (const { num_rows } of metadata.row_groups) {
      [start, end] = [end, end + Number(num_rows)];
      if (row < end) break;
    }
    const picture = (await this.#group(file, metadata, start, end))[row - start];
    if (picture) return picture;
    throw new InputError(`${path}: row ${row}: expected the bytes of a picture, got none`);
  }

  #metadataOf(file: RandomAccess): Promise<FileMetaData> {
    const present = this.#metadata.get(file.name);
    if (present) return present;
    const metadata = reading(file, () => parquetMetadataAsync(asyncBuffer(file)));
    this.#metadata.set(file.name, metadata);
    return metadata;
  }

  #group(file: RandomAccess, metadata: FileMetaData, rowStart: number, rowEnd: number) {
    const key = `${rowStart} ${file.name}`;
    const present = this.#groups.get(key);
    if (present) return present;
    if (this.#groups.size >= groupsKept) this.#groups.delete(this.#groups.keys().next().value!);
    const options = {
      file: asyncBuffer(file),
      metadata,
      columns: ['image'],
      rowStart,
      rowEnd,
      compressors,
      utf8: false,
    };
    const group = reading(file, async () =>
      (await parquetReadObjects(options)).map(({ image }) =>
        image?.bytes instanceof Uint8Array ? (image.bytes as Uint8Array) : undefined,
      ),
    );
    this.#groups.set(key, group);
    return group;
  }
}

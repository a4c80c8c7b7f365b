// Tensors in a file that anyone can read: the safetensors format (8 bytes of header length, a JSON header, the elements).
// Written whole or not at all; read with one sentence for whatever is wrong with the file.

import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { fromBytes } from '../engine/create.ts';
import { scope } from '../engine/memory.ts';
import type { DType, Tensor } from '../engine/tensor.ts';
import { InputError } from '../failure.ts';
import { writeWhole } from '../whole-file.ts';

const formatNames = {
  float64: 'F64', float32: 'F32', float16: 'F16', bfloat16: 'BF16', int64: 'I64', int32: 'I32', int16: 'I16', int8: 'I8', uint8: 'U8', bool: 'BOOL',
} as const satisfies Record<DType, string>; // biome-ignore format: a table
const dtypes = new Map(Object.entries(formatNames).map(([dtype, name]) => [name as string, dtype as DType]));
const elementBytes = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2, I8: 1, U8: 1, BOOL: 1 } as Record<
  string,
  number
>;
const longestHeader = 100_000_000; // bytes, the format's own limit

export interface Safetensors {
  tensors: Record<string, Tensor>;
  metadata: Record<string, string>;
}

/** Writes tensors by name, and text by name, in place of an older file. @throws Failure when the disk is full or refuses */
export function writeSafetensors(
  path: string,
  tensors: Record<string, Tensor>,
  metadata: Record<string, string> = {},
): void {
  let offset = 0;
  const entries = Object.entries(tensors).map(([name, tensor]) => {
    const begin = offset;
    offset += tensor.bytes;
    return [name, { dtype: formatNames[tensor.dtype], shape: tensor.shape, data_offsets: [begin, offset] }];
  });
  const json = JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) });
  const header = Buffer.from(
    json.padEnd(Math.ceil(Buffer.byteLength(json) / 8) * 8 - Buffer.byteLength(json) + json.length),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  writeWhole(path, bytesOf(length, header, Object.values(tensors)));
}

function* bytesOf(length: Uint8Array, header: Uint8Array, tensors: Tensor[]): Iterable<Uint8Array> {
  yield length;
  yield header;
  for (const tensor of tensors) yield tensor.toBytes();
}

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/** Reads all tensors of a file. @throws InputError for a missing, truncated or foreign file */
export function readSafetensors(path: string): Safetensors {
  const { tensors, metadata, close } = openSafetensors(path);
  try {
    const read = () => Object.fromEntries([...tensors].map(([name, each]) => [name, each.read()]));
    return { tensors: scope(read), metadata };
  } finally {
    close();
  }
}

export interface OpenSafetensors {
  /** `read` makes a new tensor each time. */
  tensors: Map<string, { shape: readonly number[]; read(): Tensor }>;
  metadata: Record<string, string>;
  close(): void;
}

/** A file whose tensors are read one by one, when they are needed. @throws InputError as readSafetensors does */
export function openSafetensors(path: string): OpenSafetensors {
  const file = openOrRefuse(path);
  const close = () => closeSync(file);
  try {
    const size = fstatSync(file).size;
    const { header, start } = readHeader(file, size, path);
    const { __metadata__, ...described } = header;
    const metadata = checkedMetadata(__metadata__, path);
    const entries = Object.entries(described).map(([name, entry]) => checkedEntry(name, entry, size - start, path));
    const used = entries.reduce((most, { begin, length }) => Math.max(most, begin + length), 0);
    if (used < size - start)
      throw new InputError(`${path}: expected ${used} bytes of tensors, got ${size - start}: the file holds more`);
    const tensors = new Map(
      entries.map(({ name, dtype, shape, begin, length }) => {
        const read = () => fromBytes(readPart(file, start + begin, length, path), dtype, shape);
        return [name, { shape, read }];
      }),
    );
    return { tensors, metadata, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Only the text of a file, without reading its tensors. @throws InputError as readSafetensors does */
export function readSafetensorsMetadata(path: string): Record<string, string> {
  const file = openOrRefuse(path);
  try {
    const { header } = readHeader(file, fstatSync(file).size, path);
    return checkedMetadata(header.__metadata__, path);
  } finally {
    closeSync(file);
  }
}

function openOrRefuse(path: string): number {
  try {
    if (!statSync(path).isFile()) throw new Error('something else than a file');
    return openSync(path, 'r');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new InputError(`${path}: expected a safetensors file, got ${code === 'ENOENT' ? 'no such file' : message}`);
  }
}

type Header = Record<string, unknown>;

function readHeader(file: number, size: number, path: string): { header: Header; start: number } {
  if (size < 8) throw new InputError(`${path}: expected a safetensors file, got ${size} bytes`);
  const length = Number(Buffer.from(readPart(file, 0, 8, path)).readBigUInt64LE());
  const foreign = new InputError(`${path}: expected a safetensors file, got a file without its header`);
  if (length > longestHeader) throw foreign;
  if (8 + length > size)
    throw new InputError(`${path}: expected ${8 + length} bytes or more, got ${size}: the file is truncated`);
  try {
    const header: unknown = JSON.parse(Buffer.from(readPart(file, 8, length, path)).toString('utf8'));
    if (isRecord(header)) return { header, start: 8 + length };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw foreign;
}

function isRecord(value: unknown): value is Header {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checkedMetadata(metadata: unknown, path: string): Record<string, string> {
  if (metadata === undefined) return {};
  if (isRecord(metadata) && Object.values(metadata).every((text) => typeof text === 'string')) {
    return metadata as Record<string, string>;
  }
  throw new InputError(`${path}: __metadata__: expected texts by name, got ${JSON.stringify(metadata)}`);
}

interface CheckedEntry {
  name: string;
  dtype: DType;
  shape: number[];
  begin: number;
  length: number;
}

function checkedEntry(name: string, entry: unknown, dataBytes: number, path: string): CheckedEntry {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Partial<Entry>;
  const known = dtypes.get(dtype ?? '');
  const wholes = (value: unknown) =>
    Array.isArray(value) && value.every((each) => Number.isSafeInteger(each) && (each as number) >= 0);
  if (!known || !wholes(shape) || !wholes(offsets) || offsets!.length !== 2) {
    const table = [...dtypes.keys()].join(', ');
    throw new InputError(
      `${path}: ${name}: expected a dtype (${table}), a shape and two offsets, got ${JSON.stringify(entry)}`,
    );
  }
  const [begin, end] = offsets as [number, number];
  const length = shape!.reduce((product, side) => product * side, elementBytes[dtype!]!);
  if (end - begin !== length) throw new InputError(`${path}: ${name}: expected ${length} bytes, got ${end - begin}`);
  if (end > dataBytes) {
    throw new InputError(`${path}: ${name}: expected ${end} bytes of tensors, got ${dataBytes}: the file is truncated`);
  }
  return { name, dtype: known, shape: shape!, begin, length };
}

function readPart(file: number, offset: number, length: number, path: string): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const read = readSync(file, bytes, done, length - done, offset + done);
    if (read === 0)
      throw new InputError(`${path}: expected ${length} bytes at ${offset}, got ${done}: the file is truncated`);
    done += read;
  }
  return bytes;
}

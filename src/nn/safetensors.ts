// Tensors in a file that anyone can read: the safetensors format (8 bytes of header length, a JSON header, the elements).
// Written whole or not at all, with a checksum of every byte; read with one sentence for whatever is wrong with the file.

import { createHash, type Hash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { shown } from '../checked.ts';
import { fromBytes } from '../engine/create.ts';
import { scope } from '../engine/memory.ts';
import { type DType, elementBytes, type Tensor } from '../engine/tensor.ts';
import { InputError } from '../failure.ts';
import { writeWhole } from '../whole-file.ts';
import { HeaderError, parseHeader } from './header-json.ts';

const formatNames = {
  float64: 'F64', float32: 'F32', float16: 'F16', bfloat16: 'BF16', int64: 'I64', int32: 'I32', int16: 'I16', int8: 'I8', uint8: 'U8', bool: 'BOOL',
} as const satisfies Record<DType, string>; // biome-ignore format: a table
const dtypes = new Map(Object.entries(formatNames).map(([dtype, name]) => [name as string, dtype as DType]));
const longestHeader = 100_000_000; // bytes, the format's own limit

const mostShown = 200; // characters of a wrong value

/** More than any tensor has, and what libtorch's own operators take. */
const mostDimensions = 64;

export interface Safetensors {
  tensors: Record<string, Tensor>;
  metadata: Record<string, string>;
  /** The file carries a checksum, and its bytes are those. Absent: it carries none. */
  verified?: true;
}

/**
 * In the metadata: SHA-256 of the whole file, header and length included, in which the digits themselves are zeros. The value has a
 * beginning of its own, so that a damaged name does not hide it.
 */
const checksumName = 'nasnet-checksum';
const checksumBeginning = 'nasnet-sha256:';
const noDigits = '0'.repeat(64);
const checksumPattern = new RegExp(`^${checksumBeginning}[0-9a-f]{64}$`);
/** Also one whose beginning or digits are damaged. */
const likeChecksum = new RegExp(`^${checksumBeginning}|^.{${checksumBeginning.length}}[0-9a-f]{64}$`, 's');
/** How it stands in a header; no text within a string looks so, for its quotes would be escaped. */
const checksumPlace = `"${checksumName}":"${checksumBeginning}`;

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
  const texts = { [checksumName]: checksumBeginning + noDigits, ...metadata };
  const json = JSON.stringify({ __metadata__: texts, ...Object.fromEntries(entries) });
  const header = Buffer.from(
    json.padEnd(Math.ceil(Buffer.byteLength(json) / 8) * 8 - Buffer.byteLength(json) + json.length),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const hash = createHash('sha256');
  for (const bytes of bytesOf(length, header, Object.values(tensors))) hash.update(bytes);
  header.write(hash.digest('hex'), header.indexOf(checksumPlace) + checksumPlace.length);
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

/** Reads all tensors of a file, and its checksum with them. @throws InputError for a missing, truncated, damaged or foreign file */
export function readSafetensors(path: string): Safetensors {
  const { file, entries, start, metadata, checksum } = openAndCheck(path);
  try {
    return scope(() => {
      const hash = checksum?.begin();
      const tensors: Record<string, Tensor> = Object.fromEntries(entries.map(({ name }) => [name, undefined as never]));
      // One piece of memory for all: fresh pages for each tensor took as long as the checksum does.
      const room = new Uint8Array(entries.reduce((most, { length }) => Math.max(most, length), 0));
      for (const { name, dtype, shape, begin, length } of entries.toSorted(byPlace)) {
        const bytes = readPart(file, start + begin, length, path, room.subarray(0, length));
        hash?.update(bytes);
        tensors[name] = fromBytes(bytes, dtype, shape);
      }
      if (hash) checksum!.compare(hash);
      return { tensors, metadata, ...(hash && { verified: true }) };
    });
  } finally {
    closeSync(file);
  }
}

export interface OpenSafetensors {
  /** `read` makes a new tensor each time. */
  tensors: Map<string, { shape: readonly number[]; read(): Tensor }>;
  metadata: Record<string, string>;
  close(): void;
}

/**
 * A file whose tensors are read one by one, when they are needed; one with a checksum is read through before.
 * @throws InputError as readSafetensors does
 */
export function openSafetensors(path: string): OpenSafetensors {
  const opened = openAndCheck(path);
  const { file, entries, start, metadata } = opened;
  try {
    verify(opened, path);
  } catch (error) {
    closeSync(file);
    throw error;
  }
  const tensors = new Map(
    entries.map(({ name, dtype, shape, begin, length }) => {
      const read = () => fromBytes(readPart(file, start + begin, length, path), dtype, shape);
      return [name, { shape, read }];
    }),
  );
  return { tensors, metadata, close: () => closeSync(file) };
}

/** Whether the file carries a checksum; its bytes are then compared with it. @throws InputError as readSafetensors does */
export function isVerified(path: string): boolean {
  const opened = openAndCheck(path);
  try {
    verify(opened, path);
    return opened.checksum !== undefined;
  } finally {
    closeSync(opened.file);
  }
}

/** Only the text of a file, without reading its tensors. @throws InputError as readSafetensors does */
export function readSafetensorsMetadata(path: string): Record<string, string> {
  const file = openOrRefuse(path);
  try {
    const { header } = readHeader(file, fstatSync(file).size, path);
    return withoutChecksum(checkedMetadata(header.__metadata__, path)).metadata;
  } finally {
    closeSync(file);
  }
}

interface Opened {
  file: number;
  size: number;
  /** Of the tensors' bytes. */
  start: number;
  /** In the order of the header; together they fill the file. */
  entries: CheckedEntry[];
  metadata: Record<string, string>;
  checksum: Checksum | undefined;
}

function openAndCheck(path: string): Opened {
  const file = openOrRefuse(path);
  try {
    const { size } = fstatSync(file);
    const { header, bytes, start } = readHeader(file, size, path);
    const { __metadata__, ...described } = header;
    const { metadata, said } = withoutChecksum(checkedMetadata(__metadata__, path));
    const entries = Object.entries(described).map(([name, entry]) => checkedEntry(name, entry, size - start, path));
    requireNoHoles(entries, size - start, path);
    return { file, size, start, entries, metadata, checksum: said && new Checksum(said, bytes, path) };
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

const byPlace = (one: CheckedEntry, other: CheckedEntry) => one.begin - other.begin || one.length - other.length;

/** The format's own rule: every byte belongs to one tensor. */
function requireNoHoles(entries: CheckedEntry[], dataBytes: number, path: string): void {
  let end = 0;
  for (const { name, begin, length } of entries.toSorted(byPlace)) {
    if (begin !== end) {
      const got = begin < end ? 'an overlap' : 'a gap';
      throw new InputError(`${path}: ${name}: expected its bytes to begin at ${end}, got ${begin}: ${got}`);
    }
    end += length;
  }
  if (end < dataBytes)
    throw new InputError(`${path}: expected ${end} bytes of tensors, got ${dataBytes}: the file holds more`);
}

function withoutChecksum(texts: Record<string, string>): { metadata: Record<string, string>; said: Said | undefined } {
  const [name, text] =
    Object.entries(texts).find(([name, text]) => name === checksumName || likeChecksum.test(text)) ?? [];
  if (name === undefined) return { metadata: texts, said: undefined };
  const { [name]: _, ...metadata } = texts;
  return { metadata, said: { name, text: text! } };
}

/** What stands in the metadata. */
interface Said {
  name: string;
  text: string;
}

class Checksum {
  readonly #said: string;
  readonly #header: Buffer;
  readonly #path: string;

  /** @param bytes length and header. @throws InputError where the checksum itself is damaged */
  constructor({ name, text }: Said, bytes: Buffer, path: string) {
    this.#path = path;
    this.#said = text.slice(checksumBeginning.length);
    const place = bytes.indexOf(checksumPlace);
    if (name !== checksumName || !checksumPattern.test(text) || place < 0) throw this.#damaged();
    this.#header = Buffer.from(bytes);
    this.#header.write(noDigits, place + checksumPlace.length);
  }

  /** To be given all bytes behind the header. */
  begin = (): Hash => createHash('sha256').update(this.#header);

  /** @throws InputError */
  compare(hash: Hash): void {
    if (hash.digest('hex') !== this.#said) throw this.#damaged();
  }

  #damaged = () =>
    new InputError(
      `${this.#path}: expected the bytes that its checksum says, got others: the file is damaged, or another program changed it`,
    );
}

const partBytes = 1 << 20;

function verify({ file, size, start, checksum }: Opened, path: string): void {
  if (!checksum) return;
  const hash = checksum.begin();
  for (let at = start; at < size; at += partBytes)
    hash.update(readPart(file, at, Math.min(partBytes, size - at), path));
  checksum.compare(hash);
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

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** `bytes` are the header's with its length. */
function readHeader(file: number, size: number, path: string): { header: Header; bytes: Buffer; start: number } {
  if (size < 8) throw new InputError(`${path}: expected a safetensors file, got ${size} bytes`);
  const length = Number(Buffer.from(readPart(file, 0, 8, path)).readBigUInt64LE());
  const foreign = new InputError(`${path}: expected a safetensors file, got a file without its header`);
  if (length > longestHeader) throw foreign;
  if (8 + length > size)
    throw new InputError(`${path}: expected ${8 + length} bytes or more, got ${size}: the file is truncated`);
  try {
    const bytes = Buffer.from(readPart(file, 0, 8 + length, path).buffer);
    const header = parseHeader(utf8.decode(bytes.subarray(8)));
    if (isRecord(header)) return { header, bytes, start: 8 + length };
  } catch (error) {
    if (error instanceof HeaderError)
      throw new InputError(`${path}: expected a header of tensors, each name once, got ${error.message}`);
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error; // no JSON, no UTF-8
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
  throw new InputError(`${path}: __metadata__: expected texts by name, got ${shown(metadata, mostShown)}`);
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
      `${path}: ${name}: expected a dtype (${table}), a shape and two offsets, got ${shown(entry, mostShown)}`,
    );
  }
  const [begin, end] = offsets as [number, number];
  if (shape!.length > mostDimensions)
    throw new InputError(`${path}: ${name}: expected at most ${mostDimensions} dimensions, got ${shape!.length}`);
  const length = shape!.reduce((product, side) => product * side, elementBytes[known]);
  const elements = shape!.reduce((product, side) => product * Math.max(side, 1), 1);
  if (length === 0 && elements > Number.MAX_SAFE_INTEGER)
    throw new InputError(`${path}: ${name}: expected a shape that a tensor can have, got [${shape}]`);
  if (end - begin !== length) throw new InputError(`${path}: ${name}: expected ${length} bytes, got ${end - begin}`);
  if (end > dataBytes) {
    throw new InputError(`${path}: ${name}: expected ${end} bytes of tensors, got ${dataBytes}: the file is truncated`);
  }
  return { name, dtype: known, shape: shape!, begin, length };
}

function readPart(
  file: number,
  offset: number,
  length: number,
  path: string,
  bytes = new Uint8Array(length),
): Uint8Array<ArrayBuffer> {
  for (let done = 0; done < length; ) {
    const read = readSync(file, bytes, done, length - done, offset + done);
    if (read === 0)
      throw new InputError(`${path}: expected ${length} bytes at ${offset}, got ${done}: the file is truncated`);
    done += read;
  }
  return bytes;
}

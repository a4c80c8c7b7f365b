// Reads and writes files in the safetensors format (8 bytes of header length, a JSON header, the elements). Files are
// written completely or not at all, with a checksum of all bytes; a wrong file is refused in one sentence.

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
const longestHeader = 100_000_000; // bytes, the format's limit

const mostShown = 200; // characters of a wrong value in a message

/** The limit of libtorch's operators. */
const mostDimensions = 64;

export interface Safetensors {
  tensors: Record<string, Tensor>;
  metadata: Record<string, string>;
  /** The file has a checksum, which is correct. Absent: it has none. */
  verified?: true;
}

/**
 * The checksum's name in the metadata: the SHA-256 of the whole file, including header and length, with zeros in place
 * of the digits. The value has a prefix, so that a damaged name does not hide it.
 */
const checksumName = 'nasnet-checksum';
const checksumPrefix = 'nasnet-sha256:';
const noDigits = '0'.repeat(64);
const checksumPattern = new RegExp(`^${checksumPrefix}[0-9a-f]{64}$`);
/** Also matches a checksum with a damaged prefix or damaged digits. */
const likeChecksum = new RegExp(`^${checksumPrefix}|^.{${checksumPrefix.length}}[0-9a-f]{64}$`, 's');
/** The checksum in the text of a header. It cannot occur within a string, whose quotes would be escaped. */
const checksumPlace = `"${checksumName}":"${checksumPrefix}`;

/** Writes tensors and texts by name; replaces an older file. @throws Failure if the file cannot be written */
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
  const texts = { [checksumName]: checksumPrefix + noDigits, ...metadata };
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

/**
 * Reads all tensors of a file and verifies its checksum. @throws InputError for a missing, truncated, damaged or
 * foreign file
 */
export function readSafetensors(path: string): Safetensors {
  const { file, entries, start, metadata, checksum } = openAndCheck(path);
  try {
    return scope(() => {
      const hash = checksum?.begin();
      const tensors: Record<string, Tensor> = Object.fromEntries(entries.map(({ name }) => [name, undefined as never]));
      // One buffer for all tensors: new pages for each tensor took as long as the checksum.
      const buffer = new Uint8Array(entries.reduce((most, { length }) => Math.max(most, length), 0));
      for (const { name, dtype, shape, begin, length } of entries.toSorted(byPlace)) {
        const bytes = readPart(file, start + begin, length, path, buffer.subarray(0, length));
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
  /** `read` returns a new tensor each time. */
  tensors: Map<string, { shape: readonly number[]; read(): Tensor }>;
  metadata: Record<string, string>;
  close(): void;
}

/**
 * Opens a file to read its tensors one by one. A file with a checksum is verified first.
 * @throws InputError as `readSafetensors`
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

/** Whether the file has a checksum, which is then verified. @throws InputError as `readSafetensors` */
export function isVerified(path: string): boolean {
  const opened = openAndCheck(path);
  try {
    verify(opened, path);
    return opened.checksum !== undefined;
  } finally {
    closeSync(opened.file);
  }
}

/** Reads the metadata of a file without its tensors. @throws InputError as `readSafetensors` */
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
  /** Offset of the tensors' bytes. */
  start: number;
  /** The tensors in the order of the header. They have no gaps and no overlaps. */
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
    const { metadata, entry } = withoutChecksum(checkedMetadata(__metadata__, path));
    const entries = Object.entries(described).map(([name, entry]) => checkedEntry(name, entry, size - start, path));
    requireNoHoles(entries, size - start, path);
    return { file, size, start, entries, metadata, checksum: entry && new Checksum(entry, bytes, path) };
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

const byPlace = (one: CheckedEntry, other: CheckedEntry) => one.begin - other.begin || one.length - other.length;

/** Checks the format's rule that every byte belongs to exactly one tensor. */
function requireNoHoles(entries: CheckedEntry[], dataBytes: number, path: string): void {
  let end = 0;
  for (const { name, begin, length } of entries.toSorted(byPlace)) {
    if (begin !== end) {
      const got = begin < end ? 'an overlap' : 'a gap';
      throw new InputError(`${path}: ${name}: expected its bytes to start at ${end}, got ${begin}: ${got}`);
    }
    end += length;
  }
  if (end < dataBytes)
    throw new InputError(`${path}: expected ${end} bytes of tensors, got ${dataBytes}: the file has more`);
}

function withoutChecksum(texts: Record<string, string>): {
  metadata: Record<string, string>;
  entry: ChecksumEntry | undefined;
} {
  const [name, text] =
    Object.entries(texts).find(([name, text]) => name === checksumName || likeChecksum.test(text)) ?? [];
  if (name === undefined) return { metadata: texts, entry: undefined };
  const { [name]: _, ...metadata } = texts;
  return { metadata, entry: { name, text: text! } };
}

/** The checksum in the metadata. */
interface ChecksumEntry {
  name: string;
  text: string;
}

class Checksum {
  readonly #expected: string;
  readonly #header: Buffer;
  readonly #path: string;

  /** @param bytes length and header @throws InputError if the checksum itself is damaged */
  constructor({ name, text }: ChecksumEntry, bytes: Buffer, path: string) {
    this.#path = path;
    this.#expected = text.slice(checksumPrefix.length);
    const place = bytes.indexOf(checksumPlace);
    if (name !== checksumName || !checksumPattern.test(text) || place < 0) throw this.#damaged();
    this.#header = Buffer.from(bytes);
    this.#header.write(noDigits, place + checksumPlace.length);
  }

  /** Returns a hash of length and header, to be updated with all bytes after the header. */
  begin = (): Hash => createHash('sha256').update(this.#header);

  /** Compares the hash with the checksum. @throws InputError if they differ */
  compare(hash: Hash): void {
    if (hash.digest('hex') !== this.#expected) throw this.#damaged();
  }

  #damaged = () =>
    new InputError(
      `${this.#path}: expected bytes that match its checksum, got others: the file is damaged, or another program changed it`,
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
    if (!statSync(path).isFile()) throw new Error('something other than a file');
    return openSync(path, 'r');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new InputError(`${path}: expected a safetensors file, got ${code === 'ENOENT' ? 'no such file' : message}`);
  }
}

type Header = Record<string, unknown>;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads the header. The returned `bytes` are its length and text. */
function readHeader(file: number, size: number, path: string): { header: Header; bytes: Buffer; start: number } {
  if (size < 8) throw new InputError(`${path}: expected a safetensors file, got ${size} bytes`);
  const length = Number(Buffer.from(readPart(file, 0, 8, path)).readBigUInt64LE());
  const foreign = new InputError(`${path}: expected a safetensors file, got a file without its header`);
  if (length > longestHeader) throw foreign;
  if (8 + length > size)
    throw new InputError(`${path}: expected at least ${8 + length} bytes, got ${size}: the file is truncated`);
  try {
    const bytes = Buffer.from(readPart(file, 0, 8 + length, path).buffer);
    const header = parseHeader(utf8.decode(bytes.subarray(8)));
    if (isRecord(header)) return { header, bytes, start: 8 + length };
  } catch (error) {
    if (error instanceof HeaderError)
      throw new InputError(`${path}: expected a header of tensors, each name once, got ${error.message}`);
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error; // invalid JSON or UTF-8
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
  throw new InputError(`${path}: __metadata__: expected strings by name, got ${shown(metadata, mostShown)}`);
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
  const knownType = dtypes.get(dtype ?? '');
  const areCounts = (value: unknown) =>
    Array.isArray(value) && value.every((each) => Number.isSafeInteger(each) && (each as number) >= 0);
  if (!knownType || !areCounts(shape) || !areCounts(offsets) || offsets!.length !== 2) {
    const table = [...dtypes.keys()].join(', ');
    throw new InputError(
      `${path}: ${name}: expected a dtype (${table}), a shape and two offsets, got ${shown(entry, mostShown)}`,
    );
  }
  const [begin, end] = offsets as [number, number];
  if (shape!.length > mostDimensions)
    throw new InputError(`${path}: ${name}: expected at most ${mostDimensions} dimensions, got ${shape!.length}`);
  const length = shape!.reduce((product, side) => product * side, elementBytes[knownType]);
  const elements = shape!.reduce((product, side) => product * Math.max(side, 1), 1);
  if (length === 0 && elements > Number.MAX_SAFE_INTEGER)
    throw new InputError(`${path}: ${name}: expected a possible shape, got [${shape}]`);
  if (end - begin !== length) throw new InputError(`${path}: ${name}: expected ${length} bytes, got ${end - begin}`);
  if (end > dataBytes) {
    throw new InputError(`${path}: ${name}: expected ${end} bytes of tensors, got ${dataBytes}: the file is truncated`);
  }
  return { name, dtype: knownType, shape: shape!, begin, length };
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

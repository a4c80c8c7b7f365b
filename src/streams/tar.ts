// Lists the entries of a tar file in place: ustar, GNU's long names and pax headers. Contents are not read.

import { InputError } from '../failure.ts';
import { whole } from '../words.ts';
import type { RandomAccess } from './random-access.ts';

const block = 512;
/** Headers with names or attributes have some hundred bytes. */
const mostExtraBytes = 1 << 20;

export interface TarEntry {
  name: string;
  /** Byte of the outermost file at which the content starts. */
  offset: number;
  length: number;
}

/**
 * Yields the regular files of a tar, also of one inside another file. A hard link has the content of the file it names.
 * @param start where the tar begins in the file; @param end where it ends
 * @throws InputError for a file that is not a tar, or that ends within an entry
 */
export function* tarEntries(file: RandomAccess, start = 0, end = file.size): Generator<TarEntry> {
  let longName: string | undefined;
  let longLink: string | undefined;
  const files = new Map<string, TarEntry>();
  let pax = new Map<string, string>();
  for (let at = start; at < end; ) {
    const header = file.read(at, block);
    if (header.length < block) throw truncated(file, at);
    if (header.every((byte) => byte === 0)) return;
    requireChecksum(file, header, at);
    const length = pax.has('size') ? Number(pax.get('size')) : numberIn(header, 124, 12);
    const type = String.fromCharCode(header[156]!);
    const offset = at + block;
    const next = offset + Math.ceil(length / block) * block;
    if (!Number.isSafeInteger(length) || length < 0 || offset + length > end) throw truncated(file, at);
    at = next;
    if (type === 'L') longName = textOf(extra(file, offset, length));
    else if (type === 'K') longLink = textOf(extra(file, offset, length));
    else if (type === 'x') pax = paxRecords(extra(file, offset, length));
    else if (type !== 'g') {
      const name = pax.get('path') ?? longName ?? nameIn(header);
      const link = type === '1' && files.get(pax.get('linkpath') ?? longLink ?? textOf(header.subarray(157, 257)));
      const isFile = type === '0' || type === '\0' || type === '7';
      const entry = isFile ? { name, offset, length } : link ? { ...link, name } : undefined;
      if (entry) {
        files.set(name, entry);
        yield entry;
      }
      longName = longLink = undefined;
      pax = new Map();
    }
  }
}

const truncated = ({ name }: RandomAccess, at: number) =>
  new InputError(`${name}: expected a whole tar file, got one that ends within the entry at byte ${whole(at)}`);

function extra(file: RandomAccess, offset: number, length: number): Buffer {
  if (length > mostExtraBytes)
    throw new InputError(
      `${file.name}: expected a name in the tar header at byte ${whole(offset)}, got ${length} bytes`,
    );
  return file.read(offset, length);
}

function requireChecksum({ name }: RandomAccess, header: Buffer, at: number): void {
  let sum = 8 * 32; // the field itself counts as spaces
  for (let index = 0; index < block; index++) if (index < 148 || index >= 156) sum += header[index]!;
  if (sum !== numberIn(header, 148, 8))
    throw new InputError(`${name}: expected a tar header at byte ${whole(at)}, got something else`);
}

/** Returns a number: octal digits or, for large files, base 256 with the first bit set. */
function numberIn(header: Buffer, from: number, length: number): number {
  const field = header.subarray(from, from + length);
  if (field[0]! & 0x80) return field.subarray(1).reduce((value, byte) => value * 256 + byte, field[0]! & 0x7f);
  return Number.parseInt(textOf(field).trim() || '0', 8);
}

function nameIn(header: Buffer): string {
  const name = textOf(header.subarray(0, 100));
  const isUstar = header.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = isUstar ? textOf(header.subarray(345, 500)) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

function textOf(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end === -1 ? bytes.length : end);
}

/** Returns the records `LENGTH KEY=VALUE\n` of a pax header. */
function paxRecords(bytes: Buffer): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const length = Number(bytes.toString('latin1', at, space));
    if (space === -1 || !Number.isInteger(length) || length <= 0) break;
    const [, key, value] = /^([^=]*)=(.*)\n$/s.exec(bytes.toString('utf8', space + 1, at + length)) ?? [];
    if (key !== undefined) records.set(key, value!);
    at += length;
  }
  return records;
}

// Locates the members of a zip archive in its file. Supports archives with uncompressed members, as PyTorch writes them
// (zip and zip64).

import { crc32 } from 'node:zlib';
import { InputError } from '../failure.ts';
import type { FileBytes } from './file-bytes.ts';

export interface ZipMember {
  /** In bytes from the start of the file. */
  readonly offset: number;
  readonly length: number;
  /** CRC-32 of its bytes; 0 if the writer computed none, an option of PyTorch. */
  readonly checksum: number;
}

const endLength = 22;
const longestComment = 0xffff;

/** Returns the members by name. @throws InputError if the archive is truncated or damaged, or has compressed members */
export function zipMembers(file: FileBytes): Map<string, ZipMember> {
  const { count, length, offset } = directory(file);
  const bytes = file.read(offset, length);
  const members = new Map<string, ZipMember>();
  let at = 0;
  for (let index = 0; index < count; index++) {
    if (at + 46 > length || bytes.readUInt32LE(at) !== 0x02014b50) throw damageError(file, 'its directory');
    const nameLength = bytes.readUInt16LE(at + 28);
    const extraLength = bytes.readUInt16LE(at + 30);
    const name = bytes.toString('utf8', at + 46, at + 46 + nameLength);
    const extra = bytes.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength);
    const sizes = memberSizes(bytes, at, extra);
    if (bytes.readUInt16LE(at + 10) !== 0) {
      throw new InputError(`${file.path}: ${name}: expected an uncompressed member, got a compressed one`);
    }
    if (members.has(name)) throw new InputError(`${file.path}: expected each member once, got ${name} twice`);
    members.set(name, {
      offset: dataOffset(file, sizes.offset),
      length: sizes.length,
      checksum: bytes.readUInt32LE(at + 16),
    });
    at += 46 + nameLength + extraLength + bytes.readUInt16LE(at + 32);
  }
  return members;
}

const partBytes = 1 << 20;

/** Compares a member's bytes with its checksum. @throws InputError if they differ */
export function checkMember(file: FileBytes, name: string, { offset, length, checksum }: ZipMember): void {
  if (checksum === 0) return;
  let actual = 0;
  for (let at = 0; at < length; at += partBytes)
    actual = crc32(file.read(offset + at, Math.min(partBytes, length - at)), actual);
  if (actual !== checksum) throw checksumError(file, name);
}

/** Reads the bytes of a member and compares them with its checksum. @throws InputError if they differ */
export function readMember(file: FileBytes, name: string, { offset, length, checksum }: ZipMember): Buffer {
  const bytes = file.read(offset, length);
  if (checksum !== 0 && crc32(bytes) !== checksum) throw checksumError(file, name);
  return bytes;
}

const checksumError = (file: FileBytes, name: string) =>
  new InputError(
    `${file.path}: ${name}: expected bytes that match the checksum, got others: the file is damaged; download it again`,
  );

function directory(file: FileBytes): { count: number; length: number; offset: number } {
  const tailLength = Math.min(file.size, endLength + longestComment);
  const tail = file.read(file.size - tailLength, tailLength);
  const at = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (at < 0 || at + endLength > tail.length) throw damageError(file, 'the directory at its end');
  const end = file.size - tailLength + at;
  const locator = end >= 20 ? file.read(end - 20, 20) : Buffer.alloc(20);
  if (locator.readUInt32LE() === 0x07064b50) {
    const wide = file.read(Number(locator.readBigUInt64LE(8)), 56);
    if (wide.readUInt32LE() !== 0x06064b50) throw damageError(file, 'the directory at its end');
    const number = (position: number) => Number(wide.readBigUInt64LE(position));
    return { count: number(32), length: number(40), offset: number(48) };
  }
  return { count: tail.readUInt16LE(at + 10), length: tail.readUInt32LE(at + 12), offset: tail.readUInt32LE(at + 16) };
}

/**
 * Returns a member's length and its header's offset; numbers of more than 32 bits are in the zip64 field, in this
 * order.
 */
function memberSizes(bytes: Buffer, at: number, extra: Buffer): { length: number; offset: number } {
  const narrow = [bytes.readUInt32LE(at + 24), bytes.readUInt32LE(at + 20), bytes.readUInt32LE(at + 42)];
  let wide = extra.subarray(0, 0);
  for (let field = 0; field + 4 <= extra.length; field += 4 + extra.readUInt16LE(field + 2)) {
    if (extra.readUInt16LE(field) === 1) wide = extra.subarray(field + 4, field + 4 + extra.readUInt16LE(field + 2));
  }
  let used = 0;
  const [length, , offset] = narrow.map((value) => {
    if (value !== 0xffffffff || used + 8 > wide.length) return value;
    used += 8;
    return Number(wide.readBigUInt64LE(used - 8));
  });
  return { length: length!, offset: offset! };
}

/** Returns the offset after a member's header, whose extra field can differ in length from the directory's. */
function dataOffset(file: FileBytes, offset: number): number {
  const header = file.read(offset, 30);
  if (header.readUInt32LE() !== 0x04034b50) throw damageError(file, 'a member where its directory says');
  return offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
}

const damageError = (file: FileBytes, what: string) =>
  new InputError(`${file.path}: expected ${what} (a zip archive), got none: the file is truncated or damaged`);

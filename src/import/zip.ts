// Where the members of a zip archive lie in its file: enough for archives that store their members as they are, as PyTorch
// writes them (zip and zip64). Nothing is unpacked here.

import { crc32 } from 'node:zlib';
import { InputError } from '../failure.ts';
import type { FileBytes } from './file-bytes.ts';

export interface ZipMember {
  /** Bytes from the file's beginning. */
  readonly offset: number;
  readonly length: number;
  /** CRC-32 of its bytes; 0 where the writer computed none, as PyTorch may be told. */
  readonly sum: number;
}

const endLength = 22;
const longestComment = 0xffff;

/** The members by name. @throws InputError for a truncated or damaged archive, or one with compressed members */
export function zipMembers(file: FileBytes): Map<string, ZipMember> {
  const { count, length, offset } = directory(file);
  const bytes = file.read(offset, length);
  const members = new Map<string, ZipMember>();
  let at = 0;
  for (let index = 0; index < count; index++) {
    if (at + 46 > length || bytes.readUInt32LE(at) !== 0x02014b50) throw damaged(file, 'its directory');
    const nameLength = bytes.readUInt16LE(at + 28);
    const extraLength = bytes.readUInt16LE(at + 30);
    const name = bytes.toString('utf8', at + 46, at + 46 + nameLength);
    const extra = bytes.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength);
    const sizes = memberSizes(bytes, at, extra);
    if (bytes.readUInt16LE(at + 10) !== 0) {
      throw new InputError(`${file.path}: ${name}: expected a member stored as it is, got a compressed one`);
    }
    if (members.has(name)) throw new InputError(`${file.path}: expected each member once, got ${name} twice`);
    members.set(name, {
      offset: dataOffset(file, sizes.offset),
      length: sizes.length,
      sum: bytes.readUInt32LE(at + 16),
    });
    at += 46 + nameLength + extraLength + bytes.readUInt16LE(at + 32);
  }
  return members;
}

const partBytes = 1 << 20;

/** @throws InputError where the member's bytes are not those that were written */
export function checkMember(file: FileBytes, name: string, { offset, length, sum }: ZipMember): void {
  if (sum === 0) return;
  let found = 0;
  for (let at = 0; at < length; at += partBytes)
    found = crc32(file.read(offset + at, Math.min(partBytes, length - at)), found);
  if (found !== sum) throw changed(file, name);
}

/** The bytes of a member at once, as checkMember. */
export function readMember(file: FileBytes, name: string, { offset, length, sum }: ZipMember): Buffer {
  const bytes = file.read(offset, length);
  if (sum !== 0 && crc32(bytes) !== sum) throw changed(file, name);
  return bytes;
}

const changed = (file: FileBytes, name: string) =>
  new InputError(
    `${file.path}: ${name}: expected the bytes that were written, got others: the file is damaged; download it again`,
  );

function directory(file: FileBytes): { count: number; length: number; offset: number } {
  const tailLength = Math.min(file.size, endLength + longestComment);
  const tail = file.read(file.size - tailLength, tailLength);
  const at = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 0x05, 0x06]));
  if (at < 0 || at + endLength > tail.length) throw damaged(file, 'the directory at its end');
  const end = file.size - tailLength + at;
  const locator = end >= 20 ? file.read(end - 20, 20) : Buffer.alloc(20);
  if (locator.readUInt32LE() === 0x07064b50) {
    const wide = file.read(Number(locator.readBigUInt64LE(8)), 56);
    if (wide.readUInt32LE() !== 0x06064b50) throw damaged(file, 'the directory at its end');
    const number = (position: number) => Number(wide.readBigUInt64LE(position));
    return { count: number(32), length: number(40), offset: number(48) };
  }
  return { count: tail.readUInt16LE(at + 10), length: tail.readUInt32LE(at + 12), offset: tail.readUInt32LE(at + 16) };
}

/** A member's length and its header's position; where 32 bits do not hold them they stand in the zip64 field, in this order. */
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

/** Behind a member's own header, whose extra field may have another length than the directory's. */
function dataOffset(file: FileBytes, offset: number): number {
  const header = file.read(offset, 30);
  if (header.readUInt32LE() !== 0x04034b50) throw damaged(file, 'a member where its directory says');
  return offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
}

const damaged = (file: FileBytes, what: string) =>
  new InputError(`${file.path}: expected ${what} (a zip archive), got none: the file is truncated or damaged`);

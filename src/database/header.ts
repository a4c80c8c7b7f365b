// What a file says it is, read from its first 100 bytes (SQLite's file format, section 1.3) without opening it as a database.
// So a foreign, newer or damaged file is refused before anything could write to it or beside it.

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { Failure, InputError } from '../failure.ts';
import { explained } from './explain.ts';
import type { CheckedTables } from './row-checksums.ts';

/** One kind of database file of ours: how it is recognised and how it came to its present form. */
export interface FileFormat {
  /** What the file is, in sentences: "study". */
  noun: string;
  /** SQLite's application_id: 32 bits that tell our files from other applications'. */
  applicationId: number;
  /** SQL that takes version i to version i + 1; the file's version is how many it has seen. Entries never change. */
  migrations: readonly string[];
  /** Whose rows carry checksums. The migration that adds those adds nothing else that a reader needs. */
  checked?: CheckedTables;
}

const magic = 'SQLite format 3\0';
const headerBytes = 100;

/**
 * Checks that the file is of this format and not newer than this program, and returns its version. Reads only.
 * Throws an InputError if it is missing, no database, another application's, or newer; a Failure if it is cut short.
 */
export function checkHeader(path: string, format: FileFormat, walIsEmpty: boolean): number {
  const { header, size } = readHeader(path, format.noun);
  if (size === 0) throw new InputError(`${path} is no ${format.noun}: the file is empty`);
  if (header.length < headerBytes || header.toString('latin1', 0, magic.length) !== magic) {
    throw new InputError(`${path} is no ${format.noun}: expected an SQLite database, found another kind of file`);
  }
  const applicationId = header.readUInt32BE(68);
  if (applicationId !== format.applicationId) {
    const found = applicationId === 0 ? 'an SQLite database of no known application' : "another application's database";
    throw new InputError(`${path} is no ${format.noun} of nasnet: found ${found}`);
  }
  const pageSize = header.readUInt16BE(16) === 1 ? 65536 : header.readUInt16BE(16); // 1 stands for 65536
  const expected = header.readUInt32BE(28) * pageSize;
  if (walIsEmpty && size < expected) {
    throw new Failure(`${path} is damaged: it should hold ${expected} bytes and holds ${size}; restore it from a copy`);
  }
  return checkVersion(path, header.readUInt32BE(60), format);
}

/** Whether the latest changes of the file are in a log beside it: until its writer folds that into it. */
export function usesLog(path: string, noun: string): boolean {
  return readHeader(path, noun).header[18] === 2;
}

/** Refuses a version that this program does not know yet (InputError); returns the version otherwise. */
export function checkVersion(path: string, version: number, format: FileFormat): number {
  const known = format.migrations.length;
  if (version > known) {
    throw new InputError(
      `${path} was written by a newer nasnet (${format.noun} format ${version}, this program reads up to ${known}): update nasnet`,
    );
  }
  if (version === 0) throw new InputError(`${path} is no ${format.noun}: its tables were never made`);
  return version;
}

function readHeader(path: string, noun: string): { header: Buffer; size: number } {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK); // a pipe is not waited for
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new InputError(`${path}: there is no such ${noun}`);
    if (['EACCES', 'EPERM'].includes(code))
      throw new InputError(`${path}: this ${noun} may not be read (permission denied)`);
    throw explained(error, path);
  }
  try {
    const status = fstatSync(file);
    if (!status.isFile()) throw new InputError(`${path} is no ${noun}: expected a file`);
    const header = Buffer.alloc(headerBytes);
    return { header: header.subarray(0, readSync(file, header, 0, headerBytes, 0)), size: status.size };
  } finally {
    closeSync(file);
  }
}

// Checks the first 100 bytes of a file (SQLite's file format, section 1.3) without opening it as a database, so that a
// foreign, newer or damaged file is refused before anything is written to it or next to it.

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { Failure, InputError } from '../failure.ts';
import { explained } from './explain.ts';
import type { CheckedTables } from './row-checksums.ts';

/** A format of database files: how it is recognised, and its migrations. */
export interface FileFormat {
  /** The name of the format in messages: "study". */
  noun: string;
  /** SQLite's application_id: 32 bits that distinguish our files from other applications'. */
  applicationId: number;
  /**
   * SQL from version i to version i + 1. A file's version is the number of migrations applied to it. Entries never
   * change.
   */
  migrations: readonly string[];
  /**
   * The tables whose rows have checksums. The migration that adds the checksums adds nothing else that a reader needs.
   */
  checked?: CheckedTables;
}

const magic = 'SQLite format 3\0';
const headerBytes = 100;

/**
 * Checks that the file has this format and is not newer than this program; returns its version. Only reads the file.
 * @throws InputError if it is missing, not a database, another application's, or newer; Failure if it is truncated
 */
export function checkHeader(path: string, format: FileFormat, walIsEmpty: boolean): number {
  const { header, size } = readHeader(path, format.noun);
  if (size === 0) throw new InputError(`${path} is not a ${format.noun}: the file is empty`);
  if (header.length < headerBytes || header.toString('latin1', 0, magic.length) !== magic) {
    throw new InputError(`${path} is not a ${format.noun}: expected an SQLite database, found another kind of file`);
  }
  const applicationId = header.readUInt32BE(68);
  if (applicationId !== format.applicationId) {
    const found =
      applicationId === 0 ? 'an SQLite database of an unknown application' : "another application's database";
    throw new InputError(`${path} is not a ${format.noun} of nasnet: found ${found}`);
  }
  const pageSize = header.readUInt16BE(16) === 1 ? 65536 : header.readUInt16BE(16); // 1 stands for 65536
  const expected = header.readUInt32BE(28) * pageSize;
  if (walIsEmpty && size < expected) {
    throw new Failure(`${path} is damaged: expected ${expected} bytes, got ${size}; restore it from a copy`);
  }
  return checkVersion(path, header.readUInt32BE(60), format);
}

/** Whether the latest changes of the file are in a log next to it, until its writer merges the log into the file. */
export function usesLog(path: string, noun: string): boolean {
  return readHeader(path, noun).header[18] === 2;
}

/** Returns the version. @throws InputError if it is newer than this program or the file has no tables */
export function checkVersion(path: string, version: number, format: FileFormat): number {
  const known = format.migrations.length;
  if (version > known) {
    throw new InputError(
      `${path} was written by a newer nasnet (${format.noun} format ${version}, this program reads up to ${known}): update nasnet`,
    );
  }
  if (version === 0) throw new InputError(`${path} is not a ${format.noun}: it has no tables`);
  return version;
}

function readHeader(path: string, noun: string): { header: Buffer; size: number } {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK); // O_NONBLOCK: do not wait for a pipe
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new InputError(`${path}: there is no such ${noun}`);
    if (['EACCES', 'EPERM'].includes(code))
      throw new InputError(`${path}: this ${noun} cannot be read (permission denied)`);
    throw explained(error, path);
  }
  try {
    const status = fstatSync(file);
    if (!status.isFile()) throw new InputError(`${path} is not a ${noun}: expected a file`);
    const header = Buffer.alloc(headerBytes);
    return { header: header.subarray(0, readSync(file, header, 0, headerBytes, 0)), size: status.size };
  } finally {
    closeSync(file);
  }
}

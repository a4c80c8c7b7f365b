// Explains errors of SQLite and of the file system in one sentence: what happened to which file, and what to do.

import Database from 'better-sqlite3';
import { Failure, FileBusy, InputError } from '../failure.ts';

const readOnly = (path: string) =>
  new InputError(`${path} cannot be written: the file or its folder is read-only for this user`);
const diskFull = (path: string) =>
  new Failure(`${path}: the disk is full; earlier records are safe: free some space and run again`);
export const damaged = (path: string) =>
  new Failure(`${path} is damaged (its contents contradict each other): restore it from a copy`);

/**
 * Sentences by prefix of the error code; the longest prefix wins. Codes are SQLite's extended codes
 * ("SQLITE_IOERR_WRITE") and the system's ("ENOSPC").
 */
const sentences: Record<string, (path: string, message: string) => Error> = {
  SQLITE_NOTADB: (path) => new InputError(`${path} is not an SQLite database, or is encrypted`),
  SQLITE_CORRUPT: damaged,
  SQLITE_READONLY: readOnly,
  SQLITE_PERM: readOnly,
  SQLITE_CANTOPEN: (path) =>
    new InputError(
      `${path} cannot be opened: this user lacks permission for the file, its folder or a file next to it`,
    ),
  SQLITE_FULL: diskFull,
  SQLITE_IOERR: (path, message) =>
    new Failure(`${path}: the disk failed or is full (${message}); earlier records are safe`),
  SQLITE_BUSY: (path) => new FileBusy(`${path} is held by another process: wait for it to end and run again`),
  ENOSPC: diskFull,
  EDQUOT: diskFull,
  EROFS: readOnly,
  EACCES: readOnly,
  EPERM: readOnly,
  EISDIR: (path) => new InputError(`${path} is a folder: expected a file`),
  ENOTDIR: (path) => new InputError(`${path}: a part of this path is a file, not a folder`),
  ELOOP: (path) => new InputError(`${path}: the links in this path form a cycle`),
  ENOENT: (path) => new InputError(`${path}: there is no such file or folder`),
};

/**
 * Returns an error of SQLite or of the file system as an error with a sentence about this file; any other error
 * unchanged.
 */
export function explained(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || error instanceof InputError || error instanceof Failure) return error;
  const { code } = error as NodeJS.ErrnoException;
  const known = error instanceof Database.SqliteError || (error as NodeJS.ErrnoException).syscall !== undefined;
  if (!known || code === undefined) return error;
  const prefix = Object.keys(sentences)
    .filter((candidate) => code.startsWith(candidate))
    .sort((a, b) => b.length - a.length)[0];
  if (prefix === undefined) return error;
  const sentence = sentences[prefix]!(path, error.message);
  sentence.cause = error;
  return sentence;
}

/**
 * Explains an error like `explained`, for a file that may be damaged: if its tables are not those that the statements
 * expect, it is damaged.
 */
export function explainedDamage(error: unknown, path: string): unknown {
  if (!(error instanceof Database.SqliteError) || error.code !== 'SQLITE_ERROR') return explained(error, path);
  const sentence = damaged(path);
  sentence.cause = error;
  return sentence;
}

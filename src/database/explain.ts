// Errors of SQLite and of the file system as one sentence each: what happened to which file, and what to do.

import Database from 'better-sqlite3';
import { Failure, FileBusy, InputError } from '../failure.ts';

const readOnly = (path: string) =>
  new InputError(`${path} cannot be written: the file or its folder is read-only for this user`);
const diskFull = (path: string) =>
  new Failure(`${path}: the disk is full; all that was recorded before is safe: free some space and run again`);
export const damaged = (path: string) =>
  new Failure(`${path} is damaged (its contents contradict each other): restore it from a copy`);

/** By error code, the longest prefix wins: SQLite's extended codes ("SQLITE_IOERR_WRITE") and the system's ("ENOSPC"). */
const sentences: Record<string, (path: string, message: string) => Error> = {
  SQLITE_NOTADB: (path) => new InputError(`${path} is no SQLite database, or an encrypted one`),
  SQLITE_CORRUPT: damaged,
  SQLITE_READONLY: readOnly,
  SQLITE_PERM: readOnly,
  SQLITE_CANTOPEN: (path) =>
    new InputError(`${path} cannot be opened: the file, its folder or a file beside it does not allow this user to`),
  SQLITE_FULL: diskFull,
  SQLITE_IOERR: (path, message) =>
    new Failure(`${path}: the disk failed or is full (${message}); all that was recorded before is safe`),
  SQLITE_BUSY: (path) => new FileBusy(`${path} is held by another process: wait for it to end and run again`),
  ENOSPC: diskFull,
  EDQUOT: diskFull,
  EROFS: readOnly,
  EACCES: readOnly,
  EPERM: readOnly,
  EISDIR: (path) => new InputError(`${path} is a folder: expected a file`),
  ENOTDIR: (path) => new InputError(`${path}: a part of this path is a file, not a folder`),
  ELOOP: (path) => new InputError(`${path}: the links in this path lead in a circle`),
  ENOENT: (path) => new InputError(`${path}: there is no such file or folder`),
};

/** The error as a sentence about this file, if it is one of SQLite's or the file system's; else the error itself. */
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

/** The same of a file that may be damaged in any way: where its tables are not what our statements expect, it is. */
export function explainedDamage(error: unknown, path: string): unknown {
  if (!(error instanceof Database.SqliteError) || error.code !== 'SQLITE_ERROR') return explained(error, path);
  const sentence = damaged(path);
  sentence.cause = error;
  return sentence;
}

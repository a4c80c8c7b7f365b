// A database file: created completely or not at all, checked before it is opened, migrated, and locked for one writer.
// It does not know what is stored.

import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import Database from 'better-sqlite3';
import { FileBusy, InputError } from '../failure.ts';
import { makeFolders } from '../whole-file.ts';
import { explained } from './explain.ts';
import { checkHeader, checkVersion, type FileFormat } from './header.ts';
import { lockForWriting } from './writer-lock.ts';

export type Value = string | number | null | Uint8Array;
export type Row = Record<string, Value>;

/** A prepared SQL statement. Its errors are explained in one sentence. */
export interface Query {
  /** Runs the statement and returns the number of changed rows. */
  run(...values: Value[]): number;
  /** Runs the statement and returns the integer key of the inserted row. */
  insert(...values: Value[]): number;
  get(...values: Value[]): Row | undefined;
  all(...values: Value[]): Row[];
}

const millisecondsToWait = 5000; // a reader may be recovering the log of a killed writer

export class DatabaseFile {
  readonly path: string;
  readonly readOnly: boolean;
  readonly #handle: Database.Database;
  readonly #lock: { release: () => void } | undefined;
  readonly #queries = new Map<string, Query>();

  private constructor(path: string, handle: Database.Database, lock: { release: () => void } | undefined) {
    this.path = path;
    this.readOnly = lock === undefined;
    this.#handle = handle;
    this.#lock = lock;
  }

  /**
   * Creates a file, lets `fill` write its first content, and opens it for writing. The file appears under its name only
   * when it is complete.
   * @throws InputError if the file exists or the folder is read-only, Failure if the disk is full
   */
  static create(path: string, format: FileFormat, fill: (file: DatabaseFile) => void): DatabaseFile {
    let place = resolve(path);
    try {
      makeFolders(dirname(place));
      place = join(realpathSync(dirname(place)), basename(place));
      checkWritable(dirname(place));
    } catch (error) {
      throw explained(error, path);
    }
    checkAbsent(place, path);
    const unfinished = join(dirname(place), `${unfinishedPrefix(place)}${process.pid}`);
    const lock = lockForWriting(place);
    if (lock === undefined) throw new FileBusy(`${path} is being created by another process`);
    try {
      checkAbsent(place, path);
      clearUnfinished(place);
      const handle = new Database(unfinished);
      try {
        const file = new DatabaseFile(path, handle, lock);
        handle.pragma('synchronous = FULL');
        file.transaction(() => {
          handle.pragma(`application_id = ${format.applicationId}`);
          migrate(handle, 0, format);
          fill(file);
        });
      } finally {
        handle.close();
      }
      renameSync(unfinished, place);
      return new DatabaseFile(path, openHandle(place), lock);
    } catch (error) {
      clearUnfinished(place);
      lock.release();
      throw explained(error, path);
    }
  }

  /**
   * Opens an existing file, for writing unless `readOnly`. Nothing is written before all checks have passed.
   * @param holder returns who has the writer's lock, for the message ("process 12")
   * @throws InputError or Failure with one sentence
   */
  static open(
    path: string,
    format: FileFormat,
    { readOnly = false, holder }: { readOnly?: boolean; holder?: () => string | undefined } = {},
  ): DatabaseFile {
    // the lock and the log are next to the file, not to a link
    const place = existsSync(path) ? realpathSync(path) : resolve(path);
    checkHeader(path, format, fileSize(`${place}-wal`) === 0);
    let lock: { release: () => void } | undefined;
    try {
      if (readOnly) return new DatabaseFile(path, openForReading(place, path, format), undefined);
      checkWritable(place);
      checkWritable(dirname(place));
      checkOneName(place, path);
      lock = lockForWriting(place);
      if (lock === undefined) {
        const who = holder?.() ?? 'another process';
        throw new FileBusy(`${path} is being written by ${who}: wait for it to end, or stop it; reading is possible`);
      }
      const file = new DatabaseFile(path, openHandle(place), lock);
      file.#migrate(format);
      return file;
    } catch (error) {
      lock?.release();
      throw explained(error, path);
    }
  }

  /** Returns the prepared statement of a text; a text is prepared once. */
  query(sql: string): Query {
    const known = this.#queries.get(sql);
    if (known) return known;
    const statement = this.#guard(() => this.#handle.prepare<Value[], Row>(sql));
    const query: Query = {
      run: (...values) => this.#guard(() => statement.run(...values).changes),
      insert: (...values) => this.#guard(() => Number(statement.run(...values).lastInsertRowid)),
      get: (...values) => this.#guard(() => statement.get(...values)),
      all: (...values) => this.#guard(() => statement.all(...values)),
    };
    this.#queries.set(sql, query);
    return query;
  }

  /**
   * Runs `work` in a transaction: its writes are on disk when this returns, or are rolled back if it throws. A nested
   * transaction joins the outer one.
   */
  transaction<Result>(work: () => Result): Result {
    if (this.#handle.inTransaction) return work();
    return this.#guard(() => {
      this.#handle.exec('BEGIN IMMEDIATE');
      try {
        const result = work();
        this.#handle.exec('COMMIT');
        return result;
      } catch (error) {
        if (this.#handle.inTransaction) this.#handle.exec('ROLLBACK');
        throw error;
      }
    });
  }

  /**
   * Closes the file. A writer first merges the log into the file, which can then be copied, or read from a read-only
   * disk.
   */
  close(): void {
    if (!this.#handle.open) return;
    if (this.#lock !== undefined) this.#mergeLog();
    this.#handle.close();
    this.#lock?.release();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #migrate(format: FileFormat): void {
    // the log may have a later version than the header
    const version = checkVersion(this.path, versionOf(this.#handle), format);
    if (version < format.migrations.length) this.transaction(() => migrate(this.#handle, version, format));
  }

  #mergeLog(): void {
    try {
      this.#handle.pragma('busy_timeout = 0');
      this.#handle.pragma('journal_mode = DELETE');
    } catch {
      // A reader has the file open, or the disk is full: the log stays next to the file and is used at the next
      // opening.
    }
  }

  #guard<Result>(work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      throw explained(error, this.path);
    }
  }
}

function openHandle(place: string): Database.Database {
  const handle = new Database(place, { fileMustExist: true, timeout: millisecondsToWait });
  handle.pragma('journal_mode = WAL');
  handle.pragma('synchronous = FULL'); // a commit survives power loss; it takes 0.17 ms, 0.02 ms otherwise
  return handle;
}

/**
 * Opens a file for reading. A file of an older version is read through a migrated copy in memory, since the file must
 * not change.
 */
function openForReading(place: string, path: string, format: FileFormat): Database.Database {
  const handle = new Database(place, { readonly: true, fileMustExist: true, timeout: millisecondsToWait });
  const version = checkVersion(path, versionOf(handle), format);
  if (version === format.migrations.length) return handle;
  const bytes = handle.serialize();
  handle.close();
  bytes[18] = bytes[19] = 1; // no write-ahead log in memory
  const copy = new Database(bytes);
  migrate(copy, version, format);
  copy.pragma('query_only = ON');
  return copy;
}

function migrate(handle: Database.Database, version: number, format: FileFormat): void {
  for (const step of format.migrations.slice(version)) handle.exec(step);
  handle.pragma(`user_version = ${format.migrations.length}`);
}

const versionOf = (handle: Database.Database) => handle.pragma('user_version', { simple: true }) as number;
const checkAbsent = (place: string, path: string) => {
  if (existsSync(place)) throw new InputError(`${path} exists already: choose another name, or continue it`);
  if (isLink(place)) throw new InputError(`${path} is a link to a missing file: remove it, or choose another name`);
  if (fileSize(`${place}-wal`) > 0) {
    throw new InputError(
      `${path}-wal is the log of a file that does not exist, and would be read as the new file's: move it away, or choose another name`,
    );
  }
};
/**
 * Refuses hard links: SQLite's log is next to one name, so a reader under another name would miss the latest changes.
 */
const checkOneName = (place: string, path: string) => {
  const { nlink } = statSync(place);
  if (nlink > 1)
    throw new InputError(
      `${path} has ${nlink} names (hard links) and is written under one only: remove the others, or work on a copy`,
    );
};
const isLink = (place: string) => lstatSync(place, { throwIfNoEntry: false })?.isSymbolicLink() === true;
/** Returns the start of the names of unfinished files. */
const unfinishedPrefix = (place: string) => `.${basename(place)}-unfinished-`;

/** Removes the unfinished files of killed processes. The caller must hold the writer's lock. */
function clearUnfinished(place: string): void {
  for (const name of readdirSync(dirname(place)))
    if (name.startsWith(unfinishedPrefix(place))) rmSync(join(dirname(place), name), { force: true });
}

const checkWritable = (path: string) => accessSync(path, constants.W_OK);
const fileSize = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

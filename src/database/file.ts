// A database file of nasnet. It is created completely or not at all, and opened only if its format is right; then it is
// migrated and locked for its only writer. Rows are verified by their checksums before they are read. This module knows
// SQLite, but not the stored data.

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
import { damaged, explained, explainedDamage } from './explain.ts';
import { checkHeader, checkVersion, type FileFormat, usesLog } from './header.ts';
import type { Row, Value } from './row.ts';
import { RowChecksums } from './row-checksums.ts';
import type { Rows } from './rows.ts';
import { checkLog } from './write-ahead-log.ts';
import { lockForWriting } from './writer-lock.ts';

/** A prepared SQL statement whose errors are sentences. The tables that it reads are verified first. */
export interface Query {
  /** Runs the statement and returns the number of changed rows. */
  run(...values: Value[]): number;
  /** Runs the statement and returns the integer key of the inserted row. */
  insert(...values: Value[]): number;
  get(...values: Value[]): Row | undefined;
  all(...values: Value[]): Row[];
  /** Yields the rows one by one; nothing may be written meanwhile. */
  each(...values: Value[]): Iterable<Row>;
}

const millisecondsToWait = 5000; // a reader may be recovering the log of a killed writer

export class DatabaseFile implements Rows {
  readonly path: string;
  readonly readOnly: boolean;
  /**
   * Whether the last writer did not close the file and its log is missing: somebody removed the log, or another program
   * merged it into the file.
   */
  readonly lacksLog: boolean;
  readonly #handle: Database.Database;
  readonly #place: string;
  readonly #lock: { release: () => void } | undefined;
  readonly #checksums: RowChecksums | undefined;
  /** Tables that must be verified before they are read. */
  readonly #unverified: Set<string>;
  readonly #queries = new Map<string, Query>();

  private constructor(
    path: string,
    handle: Database.Database,
    { lock, checksums, unverified = [], lacksLog = false }: Opened,
  ) {
    this.path = path;
    this.#place = existsSync(path) ? realpathSync(path) : resolve(path);
    this.readOnly = lock === undefined;
    this.lacksLog = lacksLog;
    this.#handle = handle;
    this.#lock = lock;
    this.#checksums = checksums;
    this.#unverified = new Set(unverified);
  }

  /** Whether its rows have checksums, by which they are verified when they are read. Older formats have none. */
  get isVerified(): boolean {
    return this.#checksums !== undefined;
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
        handle.pragma('synchronous = FULL');
        inTransaction(handle, () => {
          handle.pragma(`application_id = ${format.applicationId}`);
          migrate(handle, 0, format);
          const checksums = checksumsOf(handle, format);
          checksums?.sign();
          checksums?.watch();
          fill(new DatabaseFile(path, handle, { lock, checksums }));
          checksums?.beforeCommit();
        });
      } finally {
        handle.close();
      }
      renameSync(unfinished, place);
      return DatabaseFile.#forWriting(path, place, format, lock);
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
      if (readOnly) return DatabaseFile.#forReading(path, place, format);
      checkWritable(place);
      checkWritable(dirname(place));
      checkOneName(place, path);
      lock = lockForWriting(place);
      if (lock === undefined) {
        const who = holder?.() ?? 'another process';
        throw new FileBusy(`${path} is being written by ${who}: wait for it to end, or stop it; reading is possible`);
      }
      // before anything is written: closing a writer merges the log into the file
      DatabaseFile.#forReading(path, place, format).#verifyAll();
      return DatabaseFile.#forWriting(path, place, format, lock);
    } catch (error) {
      lock?.release();
      throw explainedDamage(error, path);
    }
  }

  static #forReading(path: string, place: string, format: FileFormat): DatabaseFile {
    checkLog(place, path);
    const lacksLog = logIsMissing(place, format);
    const { handle, version } = openForReading(place, path, format);
    try {
      const checksums = version < format.migrations.length ? undefined : checksumsOf(handle, format);
      if (checksums && !checksums.schemaIsIntact()) throw damaged(path);
      return new DatabaseFile(path, handle, { checksums, unverified: wholeTables(place, format), lacksLog });
    } catch (error) {
      handle.close();
      throw error;
    }
  }

  /** Opens a file for writing whose contents were verified. */
  static #forWriting(path: string, place: string, format: FileFormat, lock: { release: () => void }): DatabaseFile {
    const lacksLog = logIsMissing(place, format);
    const handle = openHandle(place);
    const version = checkVersion(path, versionOf(handle), format); // the log may have a later version than the header
    if (version < format.migrations.length)
      inTransaction(handle, () => {
        migrate(handle, version, format);
        checksumsOf(handle, format)?.sign();
      });
    const checksums = checksumsOf(handle, format);
    if (checksums) inTransaction(handle, () => checksums.completeGroups());
    checksums?.watch();
    return new DatabaseFile(path, handle, { lock, checksums, lacksLog });
  }

  all(sql: string, ...values: Value[]): Row[] {
    return this.query(sql).all(...values);
  }

  each(sql: string, ...values: Value[]): Iterable<Row> {
    return this.query(sql).each(...values);
  }

  /** Returns the prepared statement of an SQL text; each text is prepared once. */
  query(sql: string): Query {
    const known = this.#queries.get(sql);
    if (known) return known;
    const statement = this.#guard(() => this.#handle.prepare<Value[], Row>(sql));
    const read = <Result>(work: () => Result) => {
      this.#verifyTablesIn(sql);
      return this.#guard(work);
    };
    const query: Query = {
      run: (...values) => this.transaction(() => statement.run(...values).changes),
      insert: (...values) => this.transaction(() => Number(statement.run(...values).lastInsertRowid)),
      get: (...values) => read(() => statement.get(...values)),
      all: (...values) => read(() => statement.all(...values)),
      each: (...values) => this.#guarded(read(() => statement.iterate(...values))),
    };
    this.#queries.set(sql, query);
    return query;
  }

  /**
   * Returns all rows of some groups of a table that is verified by groups.
   * @param groups the keys of the groups
   * @param sql selects these rows with all columns of the table
   * @throws Failure if a row was changed or removed
   */
  allOf(table: string, groups: readonly (readonly number[])[], sql: string, ...values: Value[]): Row[] {
    const query = this.query(sql);
    const checksums = this.#checksums;
    if (!checksums) return query.all(...values);
    const read = () => {
      const rows = query.all(...values);
      if (!checksums.rowsAreIntact(table, rows) || !checksums.groupsAreComplete(table, groups, rows))
        throw damaged(this.path);
      return rows;
    };
    return this.#guard(() => (this.#handle.inTransaction ? read() : this.#handle.transaction(read)()));
  }

  /**
   * Runs `work` in a transaction: its writes are on disk when this returns, or are rolled back if it throws. A nested
   * transaction joins the outer one.
   */
  transaction<Result>(work: () => Result): Result {
    return this.#guard(() =>
      this.#handle.inTransaction ? work() : inTransaction(this.#handle, work, this.#checksums),
    );
  }

  /** Another text after another process has committed something. Takes 10 µs. */
  get commits(): string {
    if (this.#handle.memory) return fileStamp(this.#place);
    return String(this.#guard(() => this.#handle.pragma('data_version', { simple: true })));
  }

  /** Keeps at most so many kilobytes of the file in memory, in place of 16,000. */
  limitCache(kilobytes: number): void {
    this.#handle.pragma(`cache_size = -${kilobytes}`);
  }

  /** Whether it is read through a copy of an older file, which does not follow the file's changes. */
  get isCopy(): boolean {
    return this.#handle.memory;
  }

  /** Copies all commits from the log into the file, for readers that do not have the log. */
  checkpointLog(): void {
    this.#guard(() => this.#handle.pragma('wal_checkpoint(PASSIVE)'));
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

  #verifyTablesIn(sql: string): void {
    if (this.#unverified.size === 0) return;
    for (const [, table] of sql.matchAll(/\b(?:FROM|JOIN)\s+(\w+)/g)) this.#verify(table!);
  }

  #verifyAll(): void {
    try {
      for (const table of this.#unverified) this.#verify(table);
    } finally {
      this.close();
    }
  }

  #verify(table: string): void {
    if (!this.#checksums || !this.#unverified.delete(table)) return;
    if (!this.#guard(() => this.#checksums!.tableIsIntact(table))) throw damaged(this.path);
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
      throw this.isVerified ? explained(error, this.path) : explainedDamage(error, this.path);
    }
  }

  *#guarded(rows: Iterable<Row>): Generator<Row> {
    try {
      yield* rows;
    } catch (error) {
      throw explained(error, this.path);
    }
  }
}

interface Opened {
  /** Only writers have it. */
  lock?: { release: () => void };
  checksums?: RowChecksums | undefined;
  unverified?: readonly string[] | undefined;
  lacksLog?: boolean;
}

function inTransaction<Result>(handle: Database.Database, work: () => Result, checksums?: RowChecksums): Result {
  handle.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    checksums?.beforeCommit();
    handle.exec('COMMIT');
    return result;
  } catch (error) {
    if (handle.inTransaction) handle.exec('ROLLBACK');
    checksums?.afterRollback();
    throw error;
  }
}

function openHandle(place: string): Database.Database {
  const handle = new Database(place, { fileMustExist: true, timeout: millisecondsToWait });
  handle.pragma('journal_mode = WAL');
  handle.pragma('synchronous = FULL'); // a commit survives power loss; it takes 0.17 ms, 0.02 ms otherwise
  return handle;
}

/**
 * Opens a file for reading. An older file is read through a migrated copy in memory, since the file itself must not
 * change; one that only lacks checksums is read directly.
 */
function openForReading(
  place: string,
  path: string,
  format: FileFormat,
): { handle: Database.Database; version: number } {
  const handle = new Database(place, { readonly: true, fileMustExist: true, timeout: millisecondsToWait });
  const version = checkVersion(path, versionOf(handle), format);
  const { length } = format.migrations;
  if (version === length || (version === length - 1 && format.checked?.since === length)) return { handle, version };
  const bytes = handle.serialize();
  handle.close();
  bytes[18] = bytes[19] = 1; // no write-ahead log in memory
  const copy = new Database(bytes);
  migrate(copy, version, format);
  copy.pragma('query_only = ON');
  return { handle: copy, version };
}

function migrate(handle: Database.Database, version: number, format: FileFormat): void {
  for (const step of format.migrations.slice(version)) handle.exec(step);
  handle.pragma(`user_version = ${format.migrations.length}`);
}

/** Returns the checksums of a file of the current version; undefined if its format has none. */
const checksumsOf = (handle: Database.Database, { checked, migrations }: FileFormat) =>
  checked && checked.since <= migrations.length ? new RowChecksums(handle, checked) : undefined;

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

const logIsMissing = (place: string, { noun }: FileFormat) => fileSize(`${place}-wal`) === 0 && usesLog(place, noun);
const checkWritable = (path: string) => accessSync(path, constants.W_OK);
const fileSize = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

/** When a file and its log were written last, and how large they are. */
const fileStamp = (place: string) =>
  [place, `${place}-wal`]
    .map((path) => statSync(path, { throwIfNoEntry: false }))
    .map((at) => `${at?.mtimeMs} ${at?.size}`)
    .join();

/** Size in bytes up to which all tables are verified completely, which takes at most a quarter of a second. */
const smallFile = 4_000_000;

/** Returns the tables that are verified completely before they are read: in a small file, all of them. */
function wholeTables(place: string, { checked }: FileFormat): readonly string[] {
  if (!checked) return [];
  const bytes = fileSize(place) + fileSize(`${place}-wal`);
  return bytes <= smallFile ? [...checked.whole, ...Object.keys(checked.byGroup)] : checked.whole;
}

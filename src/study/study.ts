// A study: one search in one SQLite file, with its settings, records, log and results. One process at a time can write
// it. experiment/search-loop.ts runs the search.

import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { z } from 'zod';
import { checked, parsedJson } from '../checked.ts';
import { DatabaseFile } from '../database/file.ts';
import type { Row } from '../database/row.ts';
import { Failure } from '../failure.ts';
import { FinalistRuns } from './finalist-runs.ts';
import { studyFormat } from './format.ts';
import { StudyLog } from './log.ts';
import { StudyRecords } from './records.ts';
import type { StudyResults } from './result-schemas.ts';
import { Rungs } from './rungs.ts';

/** Parses the stored settings of a study. `where` names the file. @throws InputError for invalid settings */
export type ParseSettings<Settings extends object> = (json: unknown, where: string) => Settings;

/**
 * The settings of a study are plain JSON, written once at its start and parsed when it is opened. settings.ts has those
 * of `nasnet search`.
 */
export class Study<Settings extends object = Record<string, unknown>> extends StudyRecords {
  readonly settings: Settings;
  readonly log: StudyLog;
  readonly finalistRuns: FinalistRuns;
  readonly rungs: Rungs;
  /**
   * Whether the latest writer did not close the study and its log is missing, so that the latest changes may be
   * missing.
   */
  readonly mayLackChanges: boolean;
  #session = 0;

  private constructor(file: DatabaseFile, settings: Settings) {
    super(file);
    this.settings = settings;
    this.log = new StudyLog(file);
    this.finalistRuns = new FinalistRuns(file);
    this.rungs = new Rungs(file);
    this.mayLackChanges = file.lacksLog && openSession(file) !== undefined;
  }

  /**
   * Creates a study and opens it for writing. Missing folders are created.
   * @throws InputError if the file exists or cannot be written, Failure if the disk is full
   */
  static create<Settings extends object>(path: string, settings: Settings): Study<Settings> {
    const file = DatabaseFile.create(path, studyFormat, (empty) => {
      empty.query(`INSERT INTO settings (name, value) VALUES ('settings', ?)`).run(JSON.stringify(settings));
    });
    try {
      const study = new Study(file, settings);
      study.#begin();
      return study;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /**
   * Opens an existing study. `parse` parses its settings; without it they can be any JSON object. A study can be opened
   * for reading any number of times, also while it is written.
   * @throws InputError or Failure with one sentence: missing, not a study, newer, damaged, read-only, another writer
   */
  static open(path: string, options?: { readOnly?: boolean }): Study;
  static open<Settings extends object>(
    path: string,
    options: { readOnly?: boolean; parse: ParseSettings<Settings> },
  ): Study<Settings>;
  static open<Settings extends object>(
    path: string,
    { readOnly = false, parse }: { readOnly?: boolean; parse?: ParseSettings<Settings> } = {},
  ): Study<Settings> | Study {
    return parse ? Study.#opened(path, readOnly, parse) : Study.#opened(path, readOnly, anySettings);
  }

  static #opened<Settings extends object>(
    path: string,
    readOnly: boolean,
    parse: ParseSettings<Settings>,
  ): Study<Settings> {
    const file = DatabaseFile.open(path, studyFormat, { readOnly, holder: () => describeWriter(path) });
    try {
      const study = new Study(file, parse(storedSetting(file, 'settings'), path));
      if (!readOnly) study.#begin();
      return study;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  #begin(): void {
    const sql = 'INSERT INTO sessions (process, host, opened_at) VALUES (?, ?, ?)';
    this.#session = this.file.query(sql).insert(process.pid, hostname(), Date.now());
    this.file.checkpointLog(); // so that a copy without the log shows that the session was not closed
  }

  /** A unique identity of the study, independent of the file's name; copies have the same. */
  get identity(): string {
    const settings = this.file.query(`SELECT value FROM settings WHERE name = 'settings'`).get()?.value;
    const startedAt = this.file.query('SELECT min(opened_at) AS at FROM sessions').get()?.at;
    return createHash('sha256')
      .update(JSON.stringify([settings, startedAt]))
      .digest('hex')
      .slice(0, 16);
  }

  /**
   * Records a value (JSON that fits the schema) unless one is recorded already, and returns the recorded one. Use it
   * for choices that must not change in a study. @throws InputError if the recorded value does not fit the schema
   */
  recordOnce<Value>(name: string, value: Value, schema: z.ZodType<Value>): Value {
    const known = this.choice(name, schema);
    if (known !== undefined) return known;
    this.file.query('INSERT INTO settings (name, value) VALUES (?, ?)').run(name, JSON.stringify(value));
    return value;
  }

  /**
   * Returns the value that `recordOnce` has recorded; undefined if there is none.
   * @throws InputError if it does not fit the schema
   */
  choice<Value>(name: string, schema: z.ZodType<Value>): Value | undefined {
    const known = storedSetting(this.file, name);
    return known === undefined ? undefined : checked(schema, known, this.path, name);
  }

  /** Stores a result by name; replaces an older one. */
  keep<Name extends keyof StudyResults>(name: Name, value: StudyResults[Name]): void {
    const sql = `INSERT INTO results (name, at, value) VALUES (?, ?, ?)
      ON CONFLICT DO UPDATE SET at = excluded.at, value = excluded.value`;
    this.file.query(sql).run(name, Date.now(), JSON.stringify(value));
  }

  /** Runs `work` in a transaction: all its writes are committed when it returns, or none if it throws. */
  transaction<Result>(work: () => Result): Result {
    return this.file.transaction(work);
  }

  /** Adds search time since the last call. */
  addSearchTime(milliseconds: number): void {
    const sql = 'UPDATE sessions SET searched_milliseconds = searched_milliseconds + ? WHERE id = ?';
    this.file.query(sql).run(Math.round(milliseconds), this.#session);
  }

  /** Ends the session and releases the writer's lock. */
  close(): void {
    try {
      if (this.#session > 0) {
        this.file.query('UPDATE sessions SET closed_at = ? WHERE id = ?').run(Date.now(), this.#session);
      }
    } catch (error) {
      if (!(error instanceof Failure)) throw error; // a full disk only makes the session look killed
    } finally {
      this.#session = 0;
      this.file.close();
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

const anySettings: ParseSettings<Record<string, unknown>> = (json, where) =>
  checked(z.record(z.string(), z.unknown()), json, where, 'settings');

function storedSetting(file: DatabaseFile, name: string): unknown {
  const row = file.query('SELECT value FROM settings WHERE name = ?').get(name);
  return row && parsedJson(String(row.value), file.path, name);
}

/** Returns the latest session if it was not closed. */
function openSession(file: DatabaseFile): Row | undefined {
  const row = file.query('SELECT * FROM sessions ORDER BY id DESC LIMIT 1').get();
  return row === undefined || row.closed_at !== null ? undefined : row;
}

/** Returns a description of the writer, "process 4711 on host box, since 14:03", if it is recorded. */
function describeWriter(path: string): string | undefined {
  const file = DatabaseFile.open(path, studyFormat, { readOnly: true });
  try {
    const row = openSession(file);
    if (row === undefined) return undefined;
    const since = new Date(Number(row.opened_at)).toISOString().slice(0, 16).replace('T', ' ');
    return `process ${row.process} on ${row.host} (since ${since} UTC)`;
  } finally {
    file.close();
  }
}

// One search in one SQLite file: its settings, records, log and results, and the rule that one process writes it.
// The search itself is experiment/search-loop.ts.

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

/** Makes settings of the JSON that a study stores. `where` names the file. @throws InputError for settings that cannot be used */
export type ParseSettings<Settings extends object> = (json: unknown, where: string) => Settings;

/**
 * A study's settings are whatever the search was started with: plain JSON, written once, parsed once when the study is opened. Those of
 * `nasnet search` are settings.ts's.
 */
export class Study<Settings extends object = Record<string, unknown>> extends StudyRecords {
  readonly settings: Settings;
  readonly log: StudyLog;
  readonly finalistRuns: FinalistRuns;
  readonly rungs: Rungs;
  /** Whether its latest writer neither closed it nor left a log beside it, so that what that one committed last may be missing. */
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
   * A new study, open for writing. Folders of the path are made.
   * Throws an InputError if the file exists or cannot be written, a Failure if the disk is full.
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
   * An existing study, its settings as `parse` reads them, else as any JSON object. For reading it can be opened any number of times, also
   * while it is written. Throws an InputError or Failure of one sentence: missing, no study, newer, damaged, read-only, another writer.
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
    this.file.foldCommits(); // a copy without the log then says that it was not closed
  }

  /** A text that no other study has, however the file is named: copies share it. */
  get identity(): string {
    const settings = this.file.query(`SELECT value FROM settings WHERE name = 'settings'`).get()?.value;
    const begun = this.file.query('SELECT min(opened_at) AS at FROM sessions').get()?.at;
    return createHash('sha256')
      .update(JSON.stringify([settings, begun]))
      .digest('hex')
      .slice(0, 16);
  }

  /**
   * A choice that must hold for the whole study: the first caller's value is kept and returned ever after. Any JSON value that the schema
   * describes. @throws InputError where the kept one does not fit it
   */
  settled<Value>(name: string, value: Value, schema: z.ZodType<Value>): Value {
    const known = this.choice(name, schema);
    if (known !== undefined) return known;
    this.file.query('INSERT INTO settings (name, value) VALUES (?, ?)').run(name, JSON.stringify(value));
    return value;
  }

  /** What `settled` keeps; undefined before. @throws InputError where it does not fit the schema */
  choice<Value>(name: string, schema: z.ZodType<Value>): Value | undefined {
    const known = storedSetting(this.file, name);
    return known === undefined ? undefined : checked(schema, known, this.path, name);
  }

  /** Keeps a result under its name, in place of an older one. */
  keep<Name extends keyof StudyResults>(name: Name, value: StudyResults[Name]): void {
    const sql = `INSERT INTO results (name, at, value) VALUES (?, ?, ?)
      ON CONFLICT DO UPDATE SET at = excluded.at, value = excluded.value`;
    this.file.query(sql).run(name, Date.now(), JSON.stringify(value));
  }

  /** All that `work` writes is committed together when it returns, or not at all if it throws. */
  transaction<Result>(work: () => Result): Result {
    return this.file.transaction(work);
  }

  /** Time spent searching, since this was last called. */
  addSearchTime(milliseconds: number): void {
    const sql = 'UPDATE sessions SET searched_milliseconds = searched_milliseconds + ? WHERE id = ?';
    this.file.query(sql).run(Math.round(milliseconds), this.#session);
  }

  /** Ends the session and gives the writer's lock back. */
  close(): void {
    try {
      if (this.#session > 0) {
        this.file.query('UPDATE sessions SET closed_at = ? WHERE id = ?').run(Date.now(), this.#session);
      }
    } catch (error) {
      if (!(error instanceof Failure)) throw error; // a full disk: the session reads as killed, and nothing else is lost
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

/** The latest, if it was not closed. */
function openSession(file: DatabaseFile): Row | undefined {
  const row = file.query('SELECT * FROM sessions ORDER BY id DESC LIMIT 1').get();
  return row === undefined || row.closed_at !== null ? undefined : row;
}

/** "process 4711 on host box, since 14:03", if the writer has said so yet. */
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

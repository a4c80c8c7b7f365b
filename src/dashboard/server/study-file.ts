// A study that the dashboard reads: opened as any reader does, followed while a search writes it, opened again where
// the file was replaced.

import { statSync } from 'node:fs';
import { hostname } from 'node:os';
import { DatabaseFile } from '../../database/file.ts';
import type { Row, Value } from '../../database/row.ts';
import type { Rows } from '../../database/rows.ts';
import { studyFormat } from '../../study/format.ts';

export class StudyFile implements Rows {
  readonly path: string;
  #file: DatabaseFile;
  #identity: string;

  /** @throws InputError or Failure with one sentence */
  constructor(path: string) {
    this.path = path;
    this.#file = openFile(path);
    this.#identity = identityOf(path)!;
    // verified now, not when a page asks
    for (const table of studyFormat.checked!.whole) this.all(`SELECT 1 FROM ${table} LIMIT 1`);
  }

  all(sql: string, ...values: Value[]): Row[] {
    return this.#file.all(sql, ...values);
  }

  each(sql: string, ...values: Value[]): Iterable<Row> {
    return this.#file.each(sql, ...values);
  }

  /** Another text after something was committed. @throws where the file is gone or another one */
  get commits(): string {
    const now = identityOf(this.path);
    if (now === undefined) throw new Error(`${this.path} is no longer there: it was moved or removed`);
    if (now !== this.#identity || (this.#file.isCopy && this.#file.commits !== this.#copied)) this.#reopen(now);
    return `${this.#identity} ${this.#file.commits}`;
  }

  /** Whether the process that wrote it last works on it still; undefined where that is another machine's. */
  get isSearched(): boolean | undefined {
    const [latest] = this.all('SELECT process, host, closed_at FROM sessions ORDER BY id DESC LIMIT 1');
    if (!latest || latest.closed_at !== null) return false;
    if (latest.host !== hostname()) return undefined;
    return isAlive(Number(latest.process));
  }

  close(): void {
    this.#file.close();
  }

  #copied = '';

  #reopen(identity: string): void {
    const fresh = openFile(this.path);
    this.#file.close();
    this.#file = fresh;
    this.#identity = identity;
    this.#copied = fresh.isCopy ? fresh.commits : '';
  }
}

const cacheKilobytes = 2000; // most questions read a table from its beginning to its end

function openFile(path: string): DatabaseFile {
  const file = DatabaseFile.open(path, studyFormat, { readOnly: true });
  file.limitCache(cacheKilobytes);
  return file;
}

/** Undefined where there is no file. */
function identityOf(path: string): string | undefined {
  const status = statSync(path, { throwIfNoEntry: false });
  return status && `${status.dev} ${status.ino}`;
}

function isAlive(process_: number): boolean {
  try {
    process.kill(process_, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

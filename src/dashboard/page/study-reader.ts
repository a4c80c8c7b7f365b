// Reads a study in a worker of the browser: opens the bytes with SQLite, brings an older one to the present format in
// memory, answers questions. The file is a stranger's: its schema is not trusted.

import initSqlJs, { type Database } from 'sql.js';
import type { Row, Value } from '../../database/row.ts';
import type { Rows } from '../../database/rows.ts';
import { studyFormat } from '../../study/format.ts';
import { answers, type Question } from '../answers.ts';

export type ToReader =
  | { open: Uint8Array<ArrayBuffer>; sqlite: Uint8Array; name: string }
  | { question: Question; parameters: Record<string, string> };

export type FromReader = { id: number; answer: unknown } | { id: number; failure: string };

/** `study.db.gz` is "study". */
export const openedName = (name: string): string => name.replace(/\.gz$/, '').replace(/\.(db|sqlite)$/, '');

/** Runs in a worker: reads studies and answers questions about them. */
export function readStudies(): void {
  let rows: Rows | undefined;
  const scope = self as unknown as Worker;
  scope.onmessage = async ({ data }: MessageEvent<ToReader & { id: number }>) => {
    const { id } = data;
    try {
      if ('open' in data) {
        rows = await openStudy(data.open, data.sqlite, data.name);
        scope.postMessage({ id, answer: null } satisfies FromReader);
      } else scope.postMessage({ id, answer: answers[data.question](rows!, data.parameters) } satisfies FromReader);
    } catch (error) {
      scope.postMessage({ id, failure: (error as Error).message } satisfies FromReader);
    }
  };
}

const magic = 'SQLite format 3\0';

/** @throws Error with one sentence for what is no study */
async function openStudy(bytes: Uint8Array<ArrayBuffer>, sqlite: Uint8Array, name: string): Promise<Rows> {
  const view = new DataView(bytes.buffer);
  if (bytes.length < 512 || new TextDecoder().decode(bytes.subarray(0, 16)) !== magic)
    throw new Error(`${name} is not an SQLite database: expected a study of nasnet.`);
  if (view.getUint32(68) !== studyFormat.applicationId)
    throw new Error(`${name} is a database of another program: expected a study of nasnet.`);
  bytes[18] = bytes[19] = 1; // its log, if it has one, is not here
  const { Database: Opened } = await initSqlJs({ wasmBinary: sqlite.slice().buffer as ArrayBuffer });
  const database = new Opened(bytes);
  database.exec('PRAGMA trusted_schema = OFF');
  const version = view.getUint32(60);
  const { length } = studyFormat.migrations;
  if (version > length) throw new Error(`${name} is of a newer nasnet than this page: take the newer one’s viewer.`);
  try {
    for (const step of studyFormat.migrations.slice(version)) database.exec(step);
    database.exec('PRAGMA query_only = ON; SELECT 1 FROM trials LIMIT 1');
  } catch (error) {
    throw new Error(`${name} is damaged (${(error as Error).message}).`);
  }
  return rowsOf(database);
}

function rowsOf(database: Database): Rows {
  function* each(sql: string, ...values: Value[]): Generator<Row> {
    const statement = database.prepare(sql);
    try {
      statement.bind(values);
      while (statement.step()) yield statement.getAsObject() as Row;
    } finally {
      statement.free();
    }
  }
  return { each, all: (sql, ...values) => [...each(sql, ...values)] };
}

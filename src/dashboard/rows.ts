// What the dashboard's answers are read with: better-sqlite3 in the server, SQLite's WebAssembly in the browser.

import type { Row, Value } from '../database/row.ts';

export interface Rows {
  all(sql: string, ...values: Value[]): Row[];
  /** Row by row. */
  each(sql: string, ...values: Value[]): Iterable<Row>;
}

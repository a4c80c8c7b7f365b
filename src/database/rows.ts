// The rows of a database, read by SQL: of better-sqlite3 in Node, of SQLite's WebAssembly in a browser.

import type { Row, Value } from './row.ts';

export interface Rows {
  all(sql: string, ...values: Value[]): Row[];
  /** Row by row. */
  each(sql: string, ...values: Value[]): Iterable<Row>;
}

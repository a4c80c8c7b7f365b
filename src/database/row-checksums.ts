// Checksums of the rows of a database. Each row of a checked table has a checksum of all its values, and the table
// `checksums` has the sum of them for every table, and for every group of rows in the largest tables. They detect a row
// that was changed or removed, or that comes from another file or an older page. Triggers of the writer's connection
// compute the checksums of rows; the sums are updated at the end of each transaction.

import { randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type Database from 'better-sqlite3';
import type { Row, Value } from './row.ts';

/** The tables of a format that have a column `checksum`. */
export interface CheckedTables {
  /** The first version of the format in which they have it. */
  since: number;
  /** Tables that are verified completely before anything is read from them. */
  whole: readonly string[];
  /**
   * Large tables, which are verified group by group as they are read. By table: the number of its first columns that
   * name a group, such as a trial.
   */
  byGroup: Readonly<Record<string, number>>;
}

/** Name of the file's random number, which is a part of every checksum, so that rows of another file do not fit. */
const fileMark = 'file';
/** Name of the checksum of the schema: tables, indices and triggers. */
const schemaMark = 'schema';
/** Name of a mark that is present if the table `checksums` has the sums of all groups. */
const groupsMark = 'groups';

export class RowChecksums {
  readonly #handle: Database.Database;
  readonly #tables: CheckedTables;
  readonly #columns = new Map<string, readonly string[]>();
  /** By table: the initial value of its rows' checksums. */
  readonly #starts = new Map<string, number>();
  #total: Database.Statement | undefined;
  #readTotal: Database.Statement<[string], number> | undefined;
  /** By table and group: the change of its sum in this transaction. */
  readonly #changes = new Map<string, number>();

  constructor(handle: Database.Database, tables: CheckedTables) {
    this.#handle = handle;
    this.#tables = tables;
    const checksum = (table: unknown, ...values: unknown[]) => this.#checksum(table as string, values as Value[]);
    handle.function('row_checksum', { varargs: true, deterministic: true }, checksum);
    const sign = (old: unknown, table: unknown, ...values: unknown[]) => {
      const now = this.#checksum(table as string, values as Value[]);
      this.#count(table as string, values as Value[], now - Number(old));
      return now;
    };
    handle.function('signed_row', { varargs: true }, sign);
    handle.function('dropped_row', { varargs: true }, (old: unknown, table: unknown, ...values: unknown[]) =>
      this.#count(table as string, values as Value[], -Number(old)),
    );
  }

  /** Computes the checksums of all rows of a new or migrated file, and the marks of the file. */
  sign(): void {
    const mark = 'INSERT INTO marks (name, value) VALUES (?, ?) ON CONFLICT DO';
    this.#handle.prepare(`${mark} NOTHING`).run(fileMark, randomInt(2 ** 47));
    this.#handle.prepare(`${mark} UPDATE SET value = excluded.value`).run(schemaMark, this.#schemaChecksum());
    for (const table of this.#all) {
      this.#handle.exec(`UPDATE ${table} SET checksum = row_checksum(${this.#arguments(table)})`);
      const total = `SELECT ?, coalesce(sum(checksum), 0) FROM ${table} WHERE true`;
      const insert = `INSERT INTO checksums (name, total) ${total} ON CONFLICT DO UPDATE SET total = excluded.total`;
      this.#handle.prepare(insert).run(table);
    }
    this.#sumGroups();
  }

  /** Sums the groups of a file that was written before groups had sums. */
  completeGroups(): void {
    if (this.#mark(groupsMark) === undefined) this.#sumGroups();
  }

  #sumGroups(): void {
    for (const [table, count] of Object.entries(this.#tables.byGroup)) {
      const keys = this.#columnsOf(table).slice(0, count);
      const name = [`'${table}'`, ...keys].join(` || '/' || `);
      const totals = `SELECT ${name}, sum(checksum) FROM ${table} WHERE true GROUP BY ${keys.join(', ')}`;
      this.#handle.exec(
        `INSERT INTO checksums (name, total) ${totals} ON CONFLICT DO UPDATE SET total = excluded.total`,
      );
    }
    this.#handle.prepare('INSERT INTO marks (name, value) VALUES (?, 1) ON CONFLICT DO NOTHING').run(groupsMark);
  }

  /** Creates the triggers that update the checksums at every change by this connection. */
  watch(): void {
    for (const table of this.#all) {
      const columns = this.#columnsOf(table);
      const row = this.#keysOf(table).map((key) => `${key} = NEW.${key}`);
      const sign = (old: string) =>
        `UPDATE ${table} SET checksum = signed_row(${old}, ${this.#arguments(table, 'NEW.')}) WHERE ${row.join(' AND ')};`;
      this.#handle.exec(`
        CREATE TEMP TRIGGER ${table}_inserted AFTER INSERT ON main.${table} BEGIN ${sign('0')} END;
        CREATE TEMP TRIGGER ${table}_updated AFTER UPDATE OF ${columns.join(', ')} ON main.${table} BEGIN ${sign('OLD.checksum')} END;
        CREATE TEMP TRIGGER ${table}_deleted AFTER DELETE ON main.${table}
          BEGIN SELECT dropped_row(OLD.checksum, ${this.#arguments(table, 'OLD.')}); END;`);
    }
    const add = 'ON CONFLICT DO UPDATE SET total = total + excluded.total';
    this.#total = this.#handle.prepare(`INSERT INTO checksums (name, total) VALUES (?, CAST(? AS INTEGER)) ${add}`);
  }

  /** Updates the sums. Call it before each commit of this connection. */
  beforeCommit(): void {
    for (const [name, change] of this.#changes) this.#total?.run(name, change);
    this.#changes.clear();
  }

  /** Forgets the changes of a transaction. Call it after each rollback of this connection. */
  afterRollback(): void {
    this.#changes.clear();
  }

  /** Whether tables, indices and triggers are those that the file was created with. */
  schemaIsIntact(): boolean {
    return this.#mark(schemaMark) === this.#schemaChecksum();
  }

  /** Whether the rows of a table and its indices are as they were written. */
  tableIsIntact(table: string): boolean {
    return this.#handle.transaction(() => {
      if (this.#handle.pragma(`integrity_check(${table})`, { simple: true }) !== 'ok') return false;
      const changed = `SELECT 1 FROM ${table} WHERE checksum IS NOT row_checksum(${this.#arguments(table)}) LIMIT 1`;
      if (this.#handle.prepare(changed).get() !== undefined) return false;
      const complete = `SELECT total = (SELECT coalesce(sum(checksum), 0) FROM ${table}) FROM checksums WHERE name = ?`;
      return this.#handle.prepare(complete).pluck().get(table) === 1;
    })();
  }

  /** Whether rows, read with all columns of their table, are as they were written. */
  rowsAreIntact(table: string, rows: readonly Row[]): boolean {
    const columns = this.#columnsOf(table);
    return rows.every((row) => row.checksum === this.#checksum(table, valuesOf(row, columns)));
  }

  /**
   * Whether these are all rows of groups, in files that have sums of groups. Rows and sums must be read in one
   * transaction.
   * @param groups the keys of the groups, with those that have no rows
   */
  groupsAreComplete(table: string, groups: readonly (readonly number[])[], rows: readonly Row[]): boolean {
    if (this.#mark(groupsMark) === undefined) return true;
    const keys = this.#columnsOf(table).slice(0, this.#tables.byGroup[table]);
    const sums = new Map<string, number>();
    for (const row of rows) {
      const name = groupName(table, valuesOf(row, keys));
      sums.set(name, (sums.get(name) ?? 0) + Number(row.checksum));
    }
    this.#readTotal ??= this.#handle.prepare<[string], number>('SELECT total FROM checksums WHERE name = ?').pluck();
    return groups.every((group) => {
      const name = groupName(table, group);
      const total = (this.#readTotal!.get(name) ?? 0) + (this.#changes.get(name) ?? 0); // also within a transaction
      return total === (sums.get(name) ?? 0);
    });
  }

  get #all(): readonly string[] {
    return [...this.#tables.whole, ...Object.keys(this.#tables.byGroup)];
  }

  #checksum(table: string, values: readonly Value[]): number {
    const plain = values.some((value) => value instanceof Uint8Array) ? values.map(plainValue) : values;
    return crc32(JSON.stringify(plain), this.#startOf(table));
  }

  #count(table: string, values: readonly Value[], change: number): null {
    const keys = this.#tables.byGroup[table];
    const names = keys === undefined ? [table] : [table, groupName(table, values.slice(0, keys))];
    for (const name of names) this.#changes.set(name, (this.#changes.get(name) ?? 0) + change);
    return null;
  }

  #startOf(table: string): number {
    const known = this.#starts.get(table);
    if (known !== undefined) return known;
    const start = crc32(JSON.stringify([this.#mark(fileMark), table]));
    this.#starts.set(table, start);
    return start;
  }

  #mark(name: string): unknown {
    return this.#handle.prepare('SELECT value FROM marks WHERE name = ?').pluck().get(name);
  }

  /** Returns the arguments of the SQL functions: the table and all columns of a row. */
  #arguments(table: string, prefix = ''): string {
    this.#startOf(table); // nothing can be read while SQLite asks for a checksum
    const values = this.#columnsOf(table).map((column) => prefix + column);
    return `'${table}', ${values.join(', ')}`;
  }

  #columnsOf(table: string): readonly string[] {
    const known = this.#columns.get(table);
    if (known) return known;
    const columns = this.#info(table).filter((name) => name !== 'checksum');
    this.#columns.set(table, columns);
    return columns;
  }

  #keysOf(table: string): readonly string[] {
    return this.#info(table, 'AND pk > 0');
  }

  #info(table: string, which = ''): string[] {
    const sql = `SELECT name FROM pragma_table_info(?) WHERE true ${which} ORDER BY cid`;
    return this.#handle.prepare<[string], string>(sql).pluck().all(table);
  }

  #schemaChecksum(): number {
    const names = this.#all.map(() => '?').join(', ');
    const sql = `SELECT type, name, sql FROM sqlite_schema WHERE tbl_name IN (${names}) ORDER BY name`;
    return crc32(JSON.stringify(this.#handle.prepare(sql).raw().all(this.#all)));
  }
}

const valuesOf = (row: Row, columns: readonly string[]): Value[] => columns.map((column) => row[column]!);

const groupName = (table: string, keys: readonly Value[]): string => [table, ...keys].join('/');

/** Returns a value as it enters a checksum: bytes as their own checksum. */
const plainValue = (value: Value) => (value instanceof Uint8Array ? crc32(value) : value);

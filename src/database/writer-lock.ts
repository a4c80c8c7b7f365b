// The writer's lock of a file. The operating system holds it, so it ends with its process. Readers take no lock.

import Database from 'better-sqlite3';
import { explained } from './explain.ts';

/**
 * Takes the writer's lock of `path`; returns undefined if another process (or this one) has it. The lock is SQLite's
 * exclusive lock on an empty file next to it, `path-lock`, which is never removed: removing it would make a race.
 */
export function lockForWriting(path: string): { release: () => void } | undefined {
  let holder: Database.Database | undefined;
  try {
    holder = new Database(`${path}-lock`, { timeout: 0 });
    holder.pragma('journal_mode = MEMORY'); // no journal file
    holder.exec('BEGIN EXCLUSIVE'); // never commits, so the file stays empty
    return { release: () => holder?.close() };
  } catch (error) {
    holder?.close();
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')) return undefined;
    throw explained(error, path);
  }
}

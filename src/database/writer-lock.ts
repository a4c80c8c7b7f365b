// At most one process writes a file. The lock is the operating system's, so it ends with its process, however that ends.
// Readers take no lock.

import Database from 'better-sqlite3';
import { explained } from './explain.ts';

/**
 * Takes the writer's lock of `path`, or returns undefined when another process (or this one) has it. It is SQLite's
 * exclusive lock on an empty file beside it, `path-lock`, which stays there: removing a lock file is what makes races.
 */
export function lockForWriting(path: string): { release: () => void } | undefined {
  let holder: Database.Database | undefined;
  try {
    holder = new Database(`${path}-lock`, { timeout: 0 });
    holder.pragma('journal_mode = MEMORY'); // no journal file either
    holder.exec('BEGIN EXCLUSIVE'); // never commits, so the file stays empty
    return { release: () => holder?.close() };
  } catch (error) {
    holder?.close();
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_BUSY')) return undefined;
    throw explained(error, path);
  }
}

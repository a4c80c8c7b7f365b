// One process at a time: a lock that the operating system drops when its holder dies, however it dies.
// SQLite's file locks do it, since Node has none of its own. The lock file stays, empty.

import { setTimeout as wait } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { Failure } from '../failure.ts';

const pollMilliseconds = 200;

/** Runs `work` while this process holds the lock file; waits for whoever holds it and calls `onWait` once if it must. */
export async function withLock<Result>(path: string, onWait: () => void, work: () => Promise<Result>): Promise<Result> {
  const holder = await acquire(path, onWait);
  try {
    return await work();
  } finally {
    holder.close();
  }
}

async function acquire(path: string, onWait: () => void): Promise<Database.Database> {
  for (let attempt = 0; ; attempt++) {
    const database = open(path);
    try {
      database.pragma('journal_mode = MEMORY'); // nothing is written, so no journal file either
      database.exec('BEGIN EXCLUSIVE');
      return database;
    } catch (error) {
      database.close();
      const code = (error as { code?: string }).code ?? '';
      if (!code.startsWith('SQLITE_BUSY')) throw new Failure(`${path}: cannot be locked (${code || error})`);
    }
    if (attempt === 0) onWait();
    await wait(pollMilliseconds);
  }
}

function open(path: string): Database.Database {
  try {
    return new Database(path, { timeout: 0 });
  } catch (error) {
    throw new Failure(`${path}: cannot be locked (${(error as { code?: string }).code ?? error})`);
  }
}

// A lock for one process at a time, which the operating system releases when its holder dies. It uses SQLite's file
// locks, since Node has none. The empty lock file stays.

import { setTimeout as wait } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { Failure } from '../failure.ts';

const pollMilliseconds = 200;

/** Runs `work` while this process holds the lock. If another process holds it, calls `onWait` once and waits. */
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
      database.pragma('journal_mode = MEMORY'); // no journal file, as nothing is written
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

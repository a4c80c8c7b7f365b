// Fetches an object into a file. A file that was begun is continued, and the whole is verified.

import { existsSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../failure.ts';
import { hashOfFile } from '../file-hash.ts';
import type { ObjectStore, StoredObject } from './object-store.ts';

/** Milliseconds before consecutive attempts without progress. */
const pauses = [0, 500, 2000, 5000];

/**
 * Returns whether the file now has the content with this hash; an object that is gone or another is not kept.
 * @throws Failure if the store does not answer
 */
export async function fetchObject(
  store: ObjectStore,
  { name, bytes }: StoredObject,
  hash: string,
  path: string,
  onBytes: (done: number) => void = () => {},
): Promise<boolean> {
  for (let fruitless = 0; sizeOf(path) < bytes; ) {
    const before = sizeOf(path);
    await sleep(pauses[fruitless]!);
    try {
      if (!(await goOn(store, name, path, onBytes))) break;
    } catch (error) {
      fruitless = sizeOf(path) > before ? 0 : fruitless + 1;
      if (fruitless === pauses.length)
        throw error instanceof Failure ? error : new Failure(`${name}: ${(error as Error).message}`);
      continue;
    }
    if (sizeOf(path) === before) break; // it has no more
  }
  if (existsSync(path) && hashOfFile(path) === hash) return true;
  rmSync(path, { force: true });
  return false;
}

/** Appends what is missing. Returns false if there is no such object. */
async function goOn(store: ObjectStore, name: string, path: string, onBytes: (done: number) => void): Promise<boolean> {
  const chunks = await store.read(name, sizeOf(path));
  if (!chunks) return false;
  const file = await open(path, 'a');
  try {
    let done = sizeOf(path);
    for await (const chunk of chunks) {
      await file.writeFile(chunk);
      done += chunk.length;
      onBytes(done);
    }
  } finally {
    await file.close();
  }
  return true;
}

const sizeOf = (path: string): number => (existsSync(path) ? statSync(path).size : 0);

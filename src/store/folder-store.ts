// Objects as files of a folder that all machines have, such as one on NFS.

import { randomUUID } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Failure } from '../failure.ts';
import { makeFolder, writeWhole } from '../whole-file.ts';
import type { ObjectStore, StoredObject } from './object-store.ts';

const markerName = 'nasnet-store.json';

/**
 * Returns the identity of a shared folder, by which machines know that they mean the same one: their paths may differ.
 */
export function folderIdentity(path: string): string {
  makeFolder(path);
  const marker = join(path, markerName);
  if (!existsSync(marker)) writeWhole(marker, [`${JSON.stringify({ store: randomUUID() })}\n`]);
  try {
    const { store } = JSON.parse(readFileSync(marker, 'utf8')) as { store?: unknown };
    if (typeof store === 'string') return store;
  } catch {}
  throw new Failure(`${marker}: expected the identity of a shared folder, got something else; remove it`);
}

export class FolderStore implements ObjectStore {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async list(prefix: string): Promise<StoredObject[]> {
    const top = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    const names = await readdir(join(this.#root, top), { recursive: true }).catch(() => []);
    const found = await Promise.all(names.map((name) => this.#object(top + name.replaceAll('\\', '/'))));
    return found.filter((object) => object?.name.startsWith(prefix)).map((object) => object!);
  }

  async #object(name: string): Promise<StoredObject | undefined> {
    if (name.endsWith('.part')) return undefined;
    const status = await stat(join(this.#root, name)).catch(() => undefined);
    return status?.isFile() ? { name, bytes: status.size, modified: status.mtimeMs } : undefined;
  }

  async read(name: string, from: number): Promise<AsyncIterable<Uint8Array> | undefined> {
    const path = join(this.#root, name);
    return existsSync(path) ? createReadStream(path, { start: from, highWaterMark: 1 << 20 }) : undefined;
  }

  async write(name: string, path: string): Promise<void> {
    const target = join(this.#root, name);
    const unfinished = `${target}.${randomUUID()}.part`;
    try {
      await mkdir(dirname(target), { recursive: true });
      await copyFile(path, unfinished);
      const file = await open(unfinished, 'r+');
      await file.sync().finally(() => file.close());
      await rename(unfinished, target);
    } catch (error) {
      await rm(unfinished, { force: true });
      throw new Failure(`${target}: the file could not be written (${(error as Error).message})`);
    }
  }

  /** Removes an object, and its folder if that is empty then. */
  async remove(name: string): Promise<void> {
    const path = join(this.#root, name);
    await rm(path, { force: true });
    await rmdir(dirname(path)).catch(() => {});
  }

  async close(): Promise<void> {}
}

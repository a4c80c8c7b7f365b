// The artifacts of a study in a store that several machines have. An artifact is an object STUDY/KIND/NAME/HASH, so
// that a key has no half-written or mixed content, and what is read is verified.

import { renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ArtifactKey, Artifacts } from '../artifacts.ts';
import { Failure } from '../failure.ts';
import { hashOfFile } from '../file-hash.ts';
import { temporaryFolder } from '../whole-file.ts';
import { fetchObject } from './fetch-object.ts';
import type { ObjectStore, StoredObject } from './object-store.ts';
import { openStore, type StorePlace } from './open-store.ts';

/** Where the artifacts of a study are: plain data for worker processes. */
export interface StoredPlace {
  store: StorePlace;
  /** Identifies the study. */
  study: string;
}

export class StoredArtifacts implements Artifacts {
  readonly #store: ObjectStore;
  readonly #study: string;
  /** The folder of this process for copies; those of killed processes are removed. */
  readonly #folder = temporaryFolder(tmpdir());
  #copy: string | undefined;

  constructor(store: ObjectStore, study: string) {
    this.#store = store;
    this.#study = study;
    process.on('exit', () => rmSync(this.#folder, { recursive: true, force: true }));
  }

  static async open({ store, study }: StoredPlace): Promise<StoredArtifacts> {
    return new StoredArtifacts(await openStore(store), study);
  }

  /** The copy is removed at the next call. A store that does not answer is as one that lacks the artifact. */
  async get(key: ArtifactKey): Promise<string | undefined> {
    if (this.#copy !== undefined) rmSync(this.#copy, { force: true });
    try {
      for (const object of await this.#versions(key)) {
        const path = join(this.#folder, `${key.replace('/', '-')}`);
        this.#copy = path;
        const whole = await fetchObject(this.#store, object, hashIn(object), `${path}.part`);
        if (!whole) continue;
        renameSync(`${path}.part`, path);
        return path;
      }
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
    return undefined;
  }

  async put(key: ArtifactKey, write: (path: string) => void): Promise<void> {
    const path = join(this.#folder, `${key.replace('/', '-')}.new`);
    try {
      write(path);
      const name = `${this.#start(key)}${hashOfFile(path)}`;
      const older = await this.#versions(key);
      await this.#store.write(name, path);
      for (const object of older) if (object.name !== name) await this.#store.remove(object.name);
    } finally {
      rmSync(path, { force: true });
    }
  }

  async remove(key: ArtifactKey): Promise<void> {
    await this.#removeAll(this.#start(key));
  }

  async list(kind: string): Promise<ArtifactKey[]> {
    const objects = await this.#store.list(`${this.#study}/${kind}/`);
    const names = new Set(objects.map(({ name }) => name.split('/')[2]!));
    return [...names].map((name): ArtifactKey => `${kind}/${name}`);
  }

  async clear(kind: string): Promise<void> {
    await this.#removeAll(`${this.#study}/${kind}/`);
  }

  /** Removes all artifacts of the study. */
  async clearAll(): Promise<void> {
    await this.#removeAll(`${this.#study}/`);
  }

  async close(): Promise<void> {
    rmSync(this.#folder, { recursive: true, force: true });
    await this.#store.close();
  }

  #start(key: ArtifactKey): string {
    return `${this.#study}/${key}/`;
  }

  /** The contents that a key had, the newest first: usually one, two while it is replaced. */
  async #versions(key: ArtifactKey): Promise<StoredObject[]> {
    const objects = await this.#store.list(this.#start(key));
    return objects.sort((one, other) => other.modified - one.modified);
  }

  /** An object that cannot be removed only costs space. */
  async #removeAll(start: string): Promise<void> {
    try {
      for (const { name } of await this.#store.list(start)) await this.#store.remove(name);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
  }
}

const hashIn = ({ name }: StoredObject): string => name.slice(name.lastIndexOf('/') + 1);

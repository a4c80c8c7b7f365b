// Files that jobs leave for later jobs and for whoever sent them: paused children, checkpoints, weights. A job knows them by their keys;
// whoever runs it knows where they lie. Here: folders of this machine.

import { readdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InputError } from './failure.ts';
import { makeFolder } from './whole-file.ts';

/**
 * `KIND/NAME`: what the file is for and whose it is, `paused/trial-7-rung-0.safetensors`. It is unique within a study, the same on every
 * machine and made of the job alone, so that a second attempt of a job finds what the first one left. What is in the file says itself
 * which training it belongs to.
 */
export type ArtifactKey = `${string}/${string}`;

/** The artifacts of one study, as a machine that runs its jobs reaches them. */
export interface Artifacts {
  /** A file of this machine with the content, to be read at once; undefined where there is none. */
  get(key: ArtifactKey): Promise<string | undefined>;
  /** `write` is given a path and leaves a whole file there or throws; an older artifact is replaced. @throws what `write` throws, Failure */
  put(key: ArtifactKey, write: (path: string) => void): Promise<void>;
  /** Removes one, if it is there. What cannot be removed stays and costs space only. */
  remove(key: ArtifactKey): Promise<void>;
  /** The keys of a kind, also of those that a killed process had begun to write. */
  list(kind: string): Promise<ArtifactKey[]>;
  /** Removes all of a kind, at a time when nobody uses one. */
  clear(kind: string): Promise<void>;
}

/** A folder for each kind. */
export type ArtifactFolders = Readonly<Record<string, string>>;

const ending = '.safetensors';
const unfinished = /\.\d+\.part$/; // what whole-file.ts has not put in place yet

export class FolderArtifacts implements Artifacts {
  readonly #folders: ArtifactFolders;

  constructor(folders: ArtifactFolders) {
    this.#folders = folders;
  }

  /** Where an artifact lies if it is there. @throws InputError for what is no key, or of another kind */
  path(key: ArtifactKey): string {
    const [, kind = '', name = ''] = /^([^/]+)\/([^/]+)$/.exec(key) ?? [];
    if (name === '' || name === '.' || name === '..')
      throw new InputError(`artifact: expected a key KIND/NAME, got ${JSON.stringify(key)}`);
    return join(this.#folder(kind), name);
  }

  async get(key: ArtifactKey): Promise<string | undefined> {
    const path = this.path(key);
    return statSync(path, { throwIfNoEntry: false }) ? path : undefined;
  }

  async put(key: ArtifactKey, write: (path: string) => void): Promise<void> {
    const path = this.path(key);
    makeFolder(dirname(path));
    write(path);
  }

  async remove(key: ArtifactKey): Promise<void> {
    const path = this.path(key);
    const begun = filesIn(dirname(path)).map((name) => join(dirname(path), name));
    for (const each of [
      path,
      ...begun.filter((name) => unfinished.test(name) && name.replace(unfinished, '') === path),
    ])
      quietly(() => rmSync(each, { force: true }));
  }

  /** Weights only: other files of the folder are not ours. */
  async list(kind: string): Promise<ArtifactKey[]> {
    const names = filesIn(this.#folder(kind)).map((name) => name.replace(unfinished, ''));
    return [...new Set(names)].filter((name) => name.endsWith(ending)).map((name): ArtifactKey => `${kind}/${name}`);
  }

  async clear(kind: string): Promise<void> {
    for (const key of await this.list(kind)) await this.remove(key);
    quietly(() => rmdirSync(this.#folder(kind))); // unless someone else's files are in it
  }

  #folder(kind: string): string {
    const folder = Object.hasOwn(this.#folders, kind) ? this.#folders[kind] : undefined;
    if (folder === undefined)
      throw new InputError(
        `artifact: expected one of ${Object.keys(this.#folders).join(', ')}, got the kind ${JSON.stringify(kind)}`,
      );
    return folder;
  }
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // there is none yet, or it may not be read
  }
}

function quietly(change: () => void): void {
  try {
    change();
  } catch {
    // it is not there, or not ours to change
  }
}

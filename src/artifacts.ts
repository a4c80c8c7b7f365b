// Artifacts are files that jobs store for later jobs and for the search: paused children, checkpoints, weights. A job
// refers to them by key; what runs the job maps keys to places. FolderArtifacts uses folders of this machine.

import { readdirSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { InputError } from './failure.ts';
import { finishedName, makeFolder } from './whole-file.ts';

/**
 * `KIND/NAME`, for example `paused/trial-7-rung-0.safetensors`. A key is unique within a study, the same on every
 * machine, and derived from the job alone, so that a second attempt of a job finds the files of the first one. The file
 * itself identifies its training.
 */
export type ArtifactKey = `${string}/${string}`;

/** Access to the artifacts of one study on a machine that runs its jobs. */
export interface Artifacts {
  /** Returns the path of a local file with the content, to be read immediately; undefined if there is none. */
  get(key: ArtifactKey): Promise<string | undefined>;
  /**
   * Stores an artifact in place of an older one. `write` gets a path and writes a complete file there, or throws.
   * @throws errors of `write`, Failure
   */
  put(key: ArtifactKey, write: (path: string) => void): Promise<void>;
  /** Removes an artifact if it exists. One that cannot be removed stays, which only costs space. */
  remove(key: ArtifactKey): Promise<void>;
  /** Returns the keys of a kind, including unfinished files of killed processes. */
  list(kind: string): Promise<ArtifactKey[]>;
  /** Removes all artifacts of a kind. None may be in use. */
  clear(kind: string): Promise<void>;
}

/** The folder of each kind. */
export type ArtifactFolders = Readonly<Record<string, string>>;

const ending = '.safetensors';

export class FolderArtifacts implements Artifacts {
  readonly #folders: ArtifactFolders;

  constructor(folders: ArtifactFolders) {
    this.#folders = folders;
  }

  /**
   * Returns the path of an artifact, which need not exist. @throws InputError if the key is invalid or its kind unknown
   */
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
    quietly(() => rmSync(path, { force: true }));
    removeFiles(dirname(path), (name) => name === basename(path));
  }

  /** Lists safetensors files only; other files of the folder are not artifacts. */
  async list(kind: string): Promise<ArtifactKey[]> {
    const names = new Set(filesIn(this.#folder(kind)).map(finishedName));
    return [...names].filter(isArtifact).map((name): ArtifactKey => `${kind}/${name}`);
  }

  async clear(kind: string): Promise<void> {
    const folder = this.#folder(kind);
    removeFiles(folder, isArtifact);
    quietly(() => rmdirSync(folder)); // fails if it has other files
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

const isArtifact = (name: string) => name.endsWith(ending);

/** Removes files and their unfinished ones, chosen by the finished name. */
function removeFiles(folder: string, isRemoved: (name: string) => boolean): void {
  for (const name of filesIn(folder))
    if (isRemoved(finishedName(name))) quietly(() => rmSync(join(folder, name), { force: true }));
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // the folder does not exist or cannot be read
  }
}

function quietly(change: () => void): void {
  try {
    change();
  } catch {
    // it does not exist or cannot be changed
  }
}

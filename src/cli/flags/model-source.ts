// Where the commands read an architecture from: a published name, an architecture file, a trial of a study.

import { readFile } from 'node:fs/promises';
import { InputError } from '../../failure.ts';
import { type ArchitectureSource, resolveArchitecture } from '../../plan/model-name.ts';
import type { Architecture } from '../../space/architecture.ts';

/** @throws InputError for what is missing or is no architecture */
export function readArchitecture(source: ArchitectureSource): Promise<Architecture> {
  return resolveArchitecture(source, {
    readText: (path) => readFile(path, 'utf8').catch((error) => unreadable(path, error)),
    // A study needs SQLite; published cells and files start without it.
    readTrial: async (path, trial) => (await import('./study-architecture.ts')).readTrial(path, trial),
  });
}

function unreadable(path: string, error: NodeJS.ErrnoException): never {
  const got = error.code === 'ENOENT' ? 'no such file' : error.message;
  throw new InputError(`${path}: expected an architecture file, got ${got}`);
}

// Where the commands read an architecture from: a published name, an architecture file, a trial of a study.

import { readNamedText } from '../../named-file.ts';
import { type ArchitectureSource, resolveArchitecture } from '../../plan/model-name.ts';
import type { Architecture } from '../../space/architecture.ts';

const mostBytes = 10_000_000; // of an architecture file; the largest that can be laid out have a hundredth

/** @throws InputError for what is missing or is no architecture */
export function readArchitecture(source: ArchitectureSource): Promise<Architecture> {
  return resolveArchitecture(source, {
    readText: (path) => readNamedText(path, 'an architecture file', mostBytes),
    // A study needs SQLite; published cells and files start without it.
    readTrial: async (path, trial) => (await import('./study-architecture.ts')).readTrial(path, trial),
  });
}

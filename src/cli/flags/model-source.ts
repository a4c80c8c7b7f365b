// Reads the architecture of a MODEL: a published name, an architecture file, or a trial of a study.

import { readNamedText } from '../../named-file.ts';
import { type ArchitectureSource, resolveArchitecture } from '../../plan/model-name.ts';
import type { Architecture } from '../../space/architecture.ts';

const mostBytes = 10_000_000; // of an architecture file; the largest possible ones have 1% of it

/**
 * Returns the architecture.
 * @param say receives a sentence that says which trial the best one of a study is
 * @throws InputError if it is missing or not an architecture
 */
export function readArchitecture(
  source: ArchitectureSource,
  say: (sentence: string) => void = () => {},
): Promise<Architecture> {
  return resolveArchitecture(source, {
    readText: (path) => readNamedText(path, 'an architecture file', mostBytes),
    // Only studies load SQLite.
    readTrial: async (path, trial) => (await import('./study-architecture.ts')).readTrial(path, trial, say),
  });
}

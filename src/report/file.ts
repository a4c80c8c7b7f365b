// Folders for results.

import { mkdirSync } from 'node:fs';
import { Failure } from '../failure.ts';

/** Makes a folder and those above it, where they are missing. @throws Failure with the reason */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw new Failure(`${path}: the folder could not be made (${(error as Error).message})`);
  }
}

// Writing results so that nobody ever reads half of one.

import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { Failure } from '../failure.ts';

/** Makes a folder and those above it, where they are missing. @throws Failure with the reason */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw new Failure(`${path}: the folder could not be made (${(error as Error).message})`);
  }
}

/** Writes a text file whole or not at all, in place of an older one; returns its path. @throws Failure with the reason */
export function writeWhole(path: string, text: string): string {
  const unfinished = `${path}.${process.pid}.part`;
  try {
    const file = openSync(unfinished, 'w');
    try {
      const bytes = Buffer.from(text);
      for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(unfinished, path);
    return path;
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw new Failure(`${path}: the file could not be written (${(error as Error).message})`);
  }
}

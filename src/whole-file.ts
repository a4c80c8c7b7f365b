// Writing results so that nobody ever reads half of one: beside the old file, to the disk, then in its place.
// And the folders that they go to. Like failure.ts for every folder; what the files hold is the callers'.

import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { Failure } from './failure.ts';

/**
 * Writes a file whole or not at all, in place of an older one; a link stays and its target is replaced. What is no file, such as
 * /dev/null or a pipe, is only written to. The chunks are asked for one by one, so that a large file is never in memory at once;
 * texts become UTF-8. What the chunks' iterable throws passes through.
 * @returns the bytes written
 * @throws Failure with the reason when the disk is full or refuses
 */
export function writeWhole(path: string, chunks: Iterable<Uint8Array | string>): number {
  const there = existsSync(path) ? statSync(path) : undefined;
  const device = there !== undefined && !there.isFile() && !there.isDirectory();
  const target = there ? realpathSync(path) : path;
  const unfinished = device ? path : `${target}.${process.pid}.part`;
  let written = 0;
  try {
    const file = openSync(unfinished, 'w');
    try {
      for (const chunk of chunks) written += writeAll(file, typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
      if (!device) fsyncSync(file);
    } finally {
      closeSync(file);
    }
    if (!device) renameSync(unfinished, target);
    return written;
  } catch (error) {
    if (!device) rmSync(unfinished, { force: true });
    const { syscall, message } = error as NodeJS.ErrnoException;
    throw syscall === undefined ? error : new Failure(`${path}: the file could not be written (${message})`);
  }
}

/** Makes a folder and those above it, where they are missing. @throws Failure with the reason */
export function makeFolder(path: string): void {
  try {
    makeFolders(path);
  } catch (error) {
    throw new Failure(`${path}: the folder could not be made (${(error as Error).message})`);
  }
}

/** The same, with the system's error. Node's own way tries for ever where the system says that /proc/new is missing when it is to be made. */
export function makeFolders(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  if (dirname(path) !== path) makeFolders(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error; // else another process was faster
  }
}

/** Writes texts by file name into a folder, which is made where it is missing; returns their paths. @throws Failure as writeWhole */
export function writeFiles(directory: string, texts: Record<string, string>): string[] {
  makeFolder(directory);
  return Object.entries(texts).map(([name, text]) => {
    const path = join(directory, name);
    writeWhole(path, [text]);
    return path;
  });
}

function writeAll(file: number, bytes: Uint8Array): number {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
  return bytes.length;
}

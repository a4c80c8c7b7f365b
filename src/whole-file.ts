// Writes files completely or not at all: next to the old file, synced to disk, then renamed. Also creates folders.

import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Failure } from './failure.ts';

/**
 * Writes a file completely or not at all and replaces an older one. For a link its target is replaced; a device or a
 * pipe is written to directly. Chunks are read one by one, so that a large file need not fit in memory; strings are
 * written as UTF-8. Errors of the chunks' iterable are passed on.
 * @returns the number of bytes written
 * @throws Failure with the reason if the file cannot be written
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

/** Returns the final name of an unfinished file of a killed process; other names unchanged. */
export const finishedName = (name: string): string => name.replace(/\.\d+\.part$/, '');

/** Removes what killed processes left of a file that they were writing, or had written and not yet verified. */
export function clearUnfinished(path: string): void {
  const target = existsSync(path) ? realpathSync(path) : path;
  const folder = dirname(target);
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const [, writer] = (name.startsWith(`${basename(target)}.`) && unfinishedEnding.exec(name)) || [];
    if (writer !== undefined && !isRunning(Number(writer))) rmSync(join(folder, name), { force: true });
  }
}

const unfinishedEnding = /\.(\d+)(?:\.part|\.unverified(?:\.\d+\.part)?)$/;

/** Returns the name of a file while it is compared with what it should compute. */
export const unverifiedName = (path: string): string => `${path}.${process.pid}.unverified`;

/** Creates a temporary folder, and removes those that killed processes left beside it. */
export function temporaryFolder(parent: string): string {
  for (const name of readdirSync(parent)) {
    const writer = /^\.nasnet-(\d+)-/.exec(name)?.[1];
    if (writer !== undefined && !isRunning(Number(writer)))
      rmSync(join(parent, name), { recursive: true, force: true });
  }
  return mkdtempSync(join(parent, `.nasnet-${process.pid}-`));
}

function isRunning(processId: number): boolean {
  try {
    return process.kill(processId, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Creates a folder and its missing parents. @throws Failure with the reason */
export function makeFolder(path: string): void {
  try {
    makeFolders(path);
  } catch (error) {
    throw new Failure(`${path}: the folder could not be created (${(error as Error).message})`);
  }
}

/**
 * Creates a folder and its missing parents. @throws the system's error. (Node's recursive mkdir never ends for
 * /proc/new.)
 */
export function makeFolders(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  if (dirname(path) !== path) makeFolders(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error; // else another process has created it
  }
}

/**
 * Writes texts by file name into a folder, which is created if it is missing; returns their paths. @throws Failure as
 * `writeWhole`
 */
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

// Reads a file that the user names completely, unless it is not a file or is too large.

import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { InputError } from './failure.ts';
import { isSystemError, reasonOf } from './system-error.ts';

/** The largest expected file, labels for ImageNet's 14 million images, has 600 MB. */
const mostBytes = 2 ** 30;

/**
 * Returns the content of a file.
 * @param what the expected kind of file, for messages: "an architecture file"
 * @param most maximum number of bytes
 * @throws InputError if there is no such file, or if it is a pipe or a device, which is not read
 */
export function readNamedFile(path: string, what: string, most = mostBytes): Buffer {
  let file: number | undefined;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const found = fstatSync(file);
    if (found.isDirectory()) throw refused(path, what, 'a folder');
    if (!found.isFile()) throw refused(path, what, 'something other than a file');
    if (found.size > most) throw refused(path, what, `${found.size} bytes (at most ${most})`);
    return readFileSync(file);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw refused(path, what, error.code === 'ENOENT' ? 'no such file' : `${reasonOf(error)} (${error.code})`);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Returns the content of a file as text; otherwise as `readNamedFile`. */
export const readNamedText = (path: string, what: string, most?: number): string =>
  readNamedFile(path, what, most).toString('utf8');

const refused = (path: string, what: string, got: string) => new InputError(`${path}: expected ${what}, got ${got}`);

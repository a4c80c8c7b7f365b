// A file that the user names, read whole; refused before that where it is none or too large to be what it should. Like failure.ts for
// every folder; what the content means is the callers'.

import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { InputError } from './failure.ts';
import { isSystemError, reasonOf } from './system-error.ts';

/** The largest that is wanted whole, a file of labels for ImageNet's 14 million images, has 600 MB. */
const mostBytes = 2 ** 30;

/**
 * @param what the file should be: "an architecture file"
 * @param most bytes
 * @throws InputError where there is no such file; a pipe or a device is not waited for
 */
export function readNamedFile(path: string, what: string, most = mostBytes): Buffer {
  let file: number | undefined;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const found = fstatSync(file);
    if (found.isDirectory()) throw refused(path, what, 'a folder');
    if (!found.isFile()) throw refused(path, what, 'something else than a file');
    if (found.size > most) throw refused(path, what, `${found.size} bytes (at most ${most})`);
    return readFileSync(file);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw refused(path, what, error.code === 'ENOENT' ? 'no such file' : `${reasonOf(error)} (${error.code})`);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** The same as text. */
export const readNamedText = (path: string, what: string, most?: number): string =>
  readNamedFile(path, what, most).toString('utf8');

const refused = (path: string, what: string, got: string) => new InputError(`${path}: expected ${what}, got ${got}`);

// Reads bytes of a file by position and on demand, because weight files are too large to be in memory twice.

import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { InputError } from '../failure.ts';

export class FileBytes {
  readonly path: string;
  readonly size: number;
  readonly #file: number;

  /** Opens a file. @throws InputError if it is missing, unreadable or not a file */
  constructor(path: string) {
    this.path = path;
    try {
      if (!statSync(path).isFile()) throw new Error('something else than a file');
      this.#file = openSync(path, 'r');
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw new InputError(`${path}: expected a file of weights, got ${code === 'ENOENT' ? 'no such file' : message}`);
    }
    this.size = fstatSync(this.#file).size;
  }

  /** Reads `length` bytes from `offset` on. @throws InputError if the file is shorter */
  read(offset: number, length: number): Buffer {
    if (offset < 0 || length < 0 || offset + length > this.size) throw this.truncated(offset + length);
    const bytes = Buffer.allocUnsafeSlow(length);
    for (let done = 0; done < length; ) {
      const read = readSync(this.#file, bytes, done, length - done, offset + done);
      if (read === 0) throw this.truncated(offset + length);
      done += read;
    }
    return bytes;
  }

  /** Reads the first bytes, fewer if the file is shorter. */
  head(length: number): Buffer {
    return this.read(0, Math.min(length, this.size));
  }

  truncated(expected: number): InputError {
    return new InputError(
      `${this.path}: expected at least ${expected} bytes, got ${this.size}: the file is truncated; download it again`,
    );
  }

  close(): void {
    closeSync(this.#file);
  }
}

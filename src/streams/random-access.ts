// Reads parts of files, and of files within files, at any offset.

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { Failure, InputError } from '../failure.ts';
import { isSystemError, reasonOf } from '../system-error.ts';

/** Bytes that are read by offset. */
export interface RandomAccess {
  /** Its name in messages. */
  readonly name: string;
  readonly size: number;
  /** Returns `length` bytes from `offset`; fewer at the end. */
  read(offset: number, length: number): Buffer;
}

/** Open files, the most recently used ones; a source of loose files would otherwise keep a million of them open. */
export class OpenFiles implements Disposable {
  readonly #most: number;
  readonly #open = new Map<string, number>();

  constructor(most = 64) {
    this.#most = most;
  }

  /** Returns bytes of a file; fewer at its end. @throws InputError or Failure with the file's name */
  read(path: string, offset: number, length: number): Buffer {
    try {
      return readAt(this.#descriptor(path), offset, length);
    } catch (error) {
      throw named(path, error);
    }
  }

  /** Returns a file to be read by offset. */
  file(path: string): RandomAccess {
    try {
      const size = fstatSync(this.#descriptor(path)).size;
      return { name: path, size, read: (offset, length) => this.read(path, offset, length) };
    } catch (error) {
      throw named(path, error);
    }
  }

  /** Returns the descriptor of a file, open until others are asked for. @throws InputError or Failure with its name */
  descriptor(path: string): number {
    try {
      return this.#descriptor(path);
    } catch (error) {
      throw named(path, error);
    }
  }

  [Symbol.dispose](): void {
    for (const file of this.#open.values()) closeSync(file);
    this.#open.clear();
  }

  #descriptor(path: string): number {
    const present = this.#open.get(path);
    if (present !== undefined) {
      this.#open.delete(path);
      this.#open.set(path, present); // now the most recently used
      return present;
    }
    if (this.#open.size >= this.#most) {
      const [oldest, file] = this.#open.entries().next().value!;
      this.#open.delete(oldest);
      closeSync(file);
    }
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    this.#open.set(path, file);
    if (!fstatSync(file).isFile()) throw new InputError(`${path}: expected a file, got something else`);
    return file;
  }
}

/** Returns bytes in memory to be read by offset. */
export const inMemory = (name: string, bytes: Buffer): RandomAccess => ({
  name,
  size: bytes.length,
  read: (offset, length) => bytes.subarray(offset, offset + length),
});

function readAt(file: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(length);
  let done = 0;
  while (done < length) {
    const read = readSync(file, bytes, done, length - done, offset + done);
    if (read === 0) break;
    done += read;
  }
  return bytes.subarray(0, done);
}

function named(path: string, error: unknown): unknown {
  if (!isSystemError(error)) return error;
  const missing = error.code === 'ENOENT';
  const sentence = `${path}: could not be read: ${reasonOf(error)} (${error.code})`;
  return missing ? new InputError(sentence) : new Failure(sentence);
}

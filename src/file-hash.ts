// Computes the SHA-256 of a file.

import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';

const bytes = Buffer.alloc(1 << 20);

/** Returns the SHA-256 of a file in hexadecimal. @throws the system's error if the file cannot be read */
export function hashOfFile(path: string): string {
  const hash = createHash('sha256');
  const file = openSync(path, 'r');
  try {
    for (let read = readSync(file, bytes); read > 0; read = readSync(file, bytes)) hash.update(bytes.subarray(0, read));
  } finally {
    closeSync(file);
  }
  return hash.digest('hex');
}

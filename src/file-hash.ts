// The SHA-256 of a file's bytes. Like failure.ts for every folder.

import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';

const bytes = Buffer.alloc(1 << 20);

/** In hex. @throws the system's error for what cannot be read */
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

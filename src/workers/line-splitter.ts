// Splits a stream into lines of limited length, so that another program's output cannot fill the memory.

import type { Readable } from 'node:stream';

/**
 * Calls `onLine` with each line without its line end, and with the text after the last line end. For a longer line it
 * gets the first `limit` characters, and `whole` is false.
 */
export function eachLine(stream: Readable, limit: number, onLine: (line: string, whole: boolean) => void): void {
  let pending = '';
  let skipping = false; // in the rest of a line that was too long
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = chunk.split('\n');
    for (const [index, piece] of lines.entries()) {
      if (!skipping) pending += piece;
      if (pending.length > limit) {
        onLine(pending.slice(0, limit), false);
        pending = '';
        skipping = true;
      }
      if (index === lines.length - 1) break; // the line continues in the next chunk
      if (!skipping) onLine(pending.replace(/\r$/, ''), true);
      pending = '';
      skipping = false;
    }
  });
  stream.on('end', () => {
    if (pending !== '') onLine(pending, true);
    pending = '';
  });
  stream.on('error', () => {}); // the process has ended, which is reported elsewhere
}

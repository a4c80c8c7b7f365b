// A stream's text as lines, none longer than a limit: what another program writes must not fill our memory.

import type { Readable } from 'node:stream';

/** Calls `onLine` with each line without its end, and with what stands after the last one. `whole`: false for the first `limit` characters of a longer one. */
export function eachLine(stream: Readable, limit: number, onLine: (line: string, whole: boolean) => void): void {
  let pending = '';
  let skipping = false; // the rest of a line that was too long
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
      if (index === lines.length - 1) break; // its end is still to come
      if (!skipping) onLine(pending.replace(/\r$/, ''), true);
      pending = '';
      skipping = false;
    }
  });
  stream.on('end', () => {
    if (pending !== '') onLine(pending, true);
    pending = '';
  });
  stream.on('error', () => {}); // its process has ended, which is told elsewhere
}

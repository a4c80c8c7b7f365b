// Writes long output to stdout at the reader's speed.

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

const charactersAtOnce = 1 << 16;

/** Writes all texts in order. It ends quietly if the reader closes the pipe, as `head` does. */
export async function writeOut(texts: Iterable<string>): Promise<void> {
  try {
    await pipeline(Readable.from(gathered(texts)), process.stdout, { end: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  }
}

function* gathered(texts: Iterable<string>): Generator<string> {
  let waiting = '';
  for (const text of texts) {
    waiting += text;
    if (waiting.length < charactersAtOnce) continue;
    yield waiting;
    waiting = '';
  }
  yield waiting;
}

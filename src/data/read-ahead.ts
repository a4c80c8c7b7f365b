// Image files in batches, decoded ahead of the network: while it computes, sharp's threads prepare the next batches.

import { mayTuneProcess } from '../engine/host-process.ts';
import type { Framing } from './framing.ts';
import { prepareImage } from './prepare-image.ts';

export interface ReadBatch<File> {
  /** Those of the batch that could be read, and their pixels, each [height, width, 3] bytes. */
  files: File[];
  pixels: Uint8Array[];
  /** The others, one sentence each, with the file's name. */
  unreadable: string[];
}

const batchesAhead = 2;

/** Files in their order, `batchSize` at once; a file that cannot be read is named in its batch and stops nothing. */
export async function* readAhead<File extends { path: string }>(
  files: readonly File[],
  framing: Framing,
  size: readonly [height: number, width: number],
  batchSize: number,
): AsyncGenerator<ReadBatch<File>> {
  const { default: sharp } = await import('sharp');
  if (mayTuneProcess()) sharp.concurrency(1); // many images at once need no threads within one
  const read = (first: number) =>
    Promise.all(
      files.slice(first, first + batchSize).map((file) =>
        prepareImage(file.path, framing, size).then(
          (pixels) => ({ file, pixels }),
          (error: Error) => ({ file, error }),
        ),
      ),
    );
  const waiting: ReturnType<typeof read>[] = [];
  let next = 0;
  const start = () => {
    for (; waiting.length <= batchesAhead && next < files.length; next += batchSize) waiting.push(read(next));
  };
  for (start(); waiting.length > 0; start()) {
    const results = await waiting.shift()!;
    const good = results.filter((result) => 'pixels' in result);
    yield {
      files: good.map(({ file }) => file),
      pixels: good.map(({ pixels }) => pixels),
      unreadable: results.filter((result) => 'error' in result).map(({ error }) => error.message),
    };
  }
}

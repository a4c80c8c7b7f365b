// Reads image files in batches ahead of the network: while it computes, sharp's threads decode the next batches.

import { mayTuneProcess } from '../engine/host-process.ts';
import type { Framing } from './framing.ts';
import { prepareImage } from './prepare-image.ts';

export interface ReadBatch<File> {
  /** The readable files of the batch, and their pixels, each [height, width, 3] bytes. */
  files: File[];
  pixels: Uint8Array[];
  /** A sentence with the file name for each unreadable file. */
  unreadable: string[];
}

const batchesAhead = 2;

/** Yields batches of `batchSize` files in order. Unreadable files are reported in their batch. */
export async function* readAhead<File extends { path: string }>(
  files: readonly File[],
  framing: Framing,
  size: readonly [height: number, width: number],
  batchSize: number,
): AsyncGenerator<ReadBatch<File>> {
  const { default: sharp } = await import('sharp');
  if (mayTuneProcess()) sharp.concurrency(1); // images are decoded in parallel, so one thread each is enough
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

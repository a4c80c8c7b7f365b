// Measures how fast pictures of a source are decoded and shown.

import type { ImageSource } from './open-source.ts';
import type { PictureView } from './picture-view.ts';
import { StreamBatches } from './stream-batches.ts';

export interface DecodingOptions {
  places: Int32Array;
  /** Side of the shown pictures in pixels. */
  size: number;
  view: PictureView;
  threads: number;
}

/** Pictures that each thread decodes. */
const perThread = 64;

/** Returns pictures a second of all threads together, while nothing else runs. */
export async function decodingSpeed(
  source: ImageSource,
  { places, size, view, threads }: DecodingOptions,
): Promise<number> {
  const batchSize = Math.min(places.length, perThread * threads);
  await using stream = new StreamBatches(source, { size, batchSize, view, seed: 0, threads, places, ahead: 1 });
  await stream.batch(0, 0); // the threads have started
  const started = performance.now();
  await stream.batch(2, 0); // none of it is decoded yet
  return (1000 * batchSize) / (performance.now() - started);
}

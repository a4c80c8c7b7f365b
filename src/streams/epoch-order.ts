// The order of a source's pictures in an epoch.

import type { RandomStream } from '../random/stream.ts';
import type { StreamIndex } from './stream-index.ts';

/**
 * Returns the places of an epoch in random order. Where consecutive pictures are read together, as the rows of a group
 * in Parquet, runs of them are in random order and their pictures are shuffled: a thread has one run in memory.
 */
export function epochOrder({ count, run }: Pick<StreamIndex, 'count' | 'run'>, stream: RandomStream): Int32Array {
  if (run === 1) return stream.shuffle(count);
  const order = new Int32Array(count);
  let filled = 0;
  for (const number of stream.split('runs').shuffle(Math.ceil(count / run))) {
    const first = number * run;
    for (const place of stream.split(`run ${number}`).shuffle(Math.min(run, count - first)))
      order[filled++] = first + place;
  }
  return order;
}

// The order of a source's pictures in an epoch.

import type { RandomStream } from '../random/stream.ts';
import { preparedRun } from './prepared.ts';
import type { StreamIndex } from './stream-index.ts';

/** Runs that are mixed with one another: enough for batches of all classes, few enough for the disk's cache. */
const runsMixed = 64;

/**
 * Returns the places of an epoch in random order. Where consecutive pictures are read together, runs of them are in
 * random order and shuffled: in Parquet one run at a time, since a thread has its pictures in memory; in prepared
 * shards 64 runs with one another.
 */
export function epochOrder(
  { count, run, kind }: Pick<StreamIndex, 'count' | 'run' | 'kind'>,
  stream: RandomStream,
): Int32Array {
  const length = kind === 'prepared' ? preparedRun : run;
  if (length === 1) return stream.shuffle(count);
  const runs = stream.split('runs').shuffle(Math.ceil(count / length));
  const mixed = kind === 'prepared' ? runsMixed : 1;
  const order = new Int32Array(count);
  let filled = 0;
  for (let from = 0; from < runs.length; from += mixed) {
    const places: number[] = [];
    for (const first of runs.subarray(from, from + mixed))
      for (let place = first * length; place < Math.min(count, (first + 1) * length); place++) places.push(place);
    for (const place of stream.split(`runs ${from}`).shuffle(places.length)) order[filled++] = places[place]!;
  }
  return order;
}

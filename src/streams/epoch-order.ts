// The order of a source's pictures in an epoch, and which bytes of its files are next.

import type { RandomStream } from '../random/stream.ts';
import type { StreamIndex } from './stream-index.ts';

/** Runs of prepared shards that are mixed with one another: batches of all classes, some hundred MB to read ahead. */
const preparedRunsMixed = 64;

/** Returns how many pictures of an order are shuffled together, group after group; 0: all. */
export const mixedTogether = ({ run, kind }: Pick<StreamIndex, 'run' | 'kind'>): number =>
  run === 1 ? 0 : run * (kind === 'prepared' ? preparedRunsMixed : 1);

/**
 * Returns the places of an epoch in random order. Where consecutive pictures are read together, runs of them are in
 * random order and shuffled: in Parquet the rows of one group, which a thread has in memory; in prepared shards 64 runs
 * with one another, which the system reads ahead.
 */
export function epochOrder(
  { count, run, kind }: Pick<StreamIndex, 'count' | 'run' | 'kind'>,
  stream: RandomStream,
): Int32Array {
  if (run === 1) return stream.shuffle(count);
  const runs = stream.split('runs').shuffle(Math.ceil(count / run));
  const mixed = mixedTogether({ run, kind }) / run;
  const order = new Int32Array(count);
  let filled = 0;
  for (let from = 0; from < runs.length; from += mixed) {
    const places: number[] = [];
    for (const number of runs.subarray(from, from + mixed))
      for (let place = number * run; place < Math.min(count, (number + 1) * run); place++) places.push(place);
    for (const place of stream.split(`run ${runs[from]}`).shuffle(places.length)) order[filled++] = places[place]!;
  }
  return order;
}

/** Consecutive bytes of a file. */
export interface ByteRange {
  path: string;
  offset: number;
  length: number;
}

/** Returns the bytes of pictures in as few ranges as their files have them. */
export function rangesOf(index: StreamIndex, places: Int32Array): ByteRange[] {
  const ranges: ByteRange[] = [];
  for (const place of places.toSorted()) {
    const path = index.paths[index.files[place]!]!;
    const [offset, length] = [index.offsets[place]!, index.lengths[place]!];
    const last = ranges.at(-1);
    if (last?.path === path && last.offset + last.length === offset) last.length += length;
    else ranges.push({ path, offset, length });
  }
  return ranges;
}

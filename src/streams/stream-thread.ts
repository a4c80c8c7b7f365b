// A thread of StreamBatches: reads, decodes and augments pictures into shared memory.

import { parentPort, workerData } from 'node:worker_threads';
import { RandomStream } from '../random/stream.ts';
import { type ImageSource, sourceOf } from './open-source.ts';
import { type PictureView, showPicture, unreadablePlace } from './picture-view.ts';
import type { StreamIndex } from './stream-index.ts';

export interface ThreadData {
  index: StreamIndex;
  /** 1 for each place whose picture may be shown. Undefined: all. */
  used: Uint8Array | undefined;
  /** Memory of all batches. */
  pixels: SharedArrayBuffer;
  size: number;
  view: PictureView;
  seed: number | string;
  /** Whether settings of the whole process may be changed. */
  tune: boolean;
}

export interface ThreadTask {
  epoch: number;
  /** Place of the first picture in the memory, in pictures; and in its batch. */
  first: number;
  from: number;
  /** Which pictures of the source. */
  places: Int32Array;
}

export type ThreadAnswer =
  | {
      /** The pictures that are shown. */
      places: Int32Array;
      /** By place in the task. */
      unreadable: [place: number, sentence: string][];
    }
  | { failure: string };

/** Unreadable pictures one after another: more of them are a damaged source, not damaged pictures. */
const mostUnreadable = 16;

async function work({ index, used, pixels, size, view, seed, tune }: ThreadData): Promise<void> {
  const { default: sharp } = await import('sharp');
  if (tune) sharp.concurrency(1); // pictures are decoded in parallel, one thread each
  const source = sourceOf(index);
  const random = new RandomStream(seed);
  const bytes = 3 * size * size;
  parentPort!.on('message', async ({ epoch, first, places }: ThreadTask) => {
    const epochs = random.split(`epoch ${epoch}`);
    const answer: ThreadAnswer = { places, unreadable: [] };
    try {
      for (const [offset, place] of places.entries()) {
        const target = new Uint8Array(pixels, (first + offset) * bytes, bytes);
        const stream = epochs.split(`picture ${place}`);
        places[offset] = await readable(source, place, stream, (reason) => answer.unreadable.push([offset, reason]), {
          view,
          size,
          target,
          used,
        });
      }
      parentPort!.postMessage(answer);
    } catch (error) {
      parentPort!.postMessage({ failure: (error as Error).message } satisfies ThreadAnswer);
    }
  });
}

/** Shows the first readable picture from a place on; returns its place. */
async function readable(
  source: ImageSource,
  place: number,
  stream: RandomStream,
  onUnreadable: (sentence: string) => void,
  { view, size, target, used }: Pick<ThreadData, 'view' | 'size' | 'used'> & { target: Uint8Array },
): Promise<number> {
  let reason = '';
  let next = place;
  for (let tried = 0; tried < Math.min(mostUnreadable, source.count); tried++) {
    try {
      await showPicture(await source.picture(next), view, size, stream.split('view'), target);
      return next;
    } catch (error) {
      reason = `${source.nameOf(next)}: expected a picture, got ${(error as Error).message.split('\n')[0]}`;
      onUnreadable(reason);
      if (view.kind === 'evaluation') {
        target.fill(0);
        return unreadablePlace;
      }
    }
    do next = (next + 1) % source.count;
    while (used && used[next] === 0);
  }
  throw new Error(`${mostUnreadable} pictures one after another could not be read: ${reason}`);
}

await work(workerData);

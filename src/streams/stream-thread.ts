// A thread of StreamBatches: reads, decodes and augments pictures into shared memory.

import { parentPort, workerData } from 'node:worker_threads';
import { useAddon } from '../engine/addon.ts';
import { RandomStream } from '../random/stream.ts';
import { type Mixing, mixPictures } from './mixing.ts';
import { type ImageSource, sourceOf } from './open-source.ts';
import {
  type PictureDecoder,
  type PictureView,
  showPicture,
  showStoredPixels,
  unreadablePlace,
} from './picture-view.ts';
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
  decoder: PictureDecoder;
  /** The addon's file. */
  addon: string;
  /** Whether settings of the whole process may be changed. */
  tune: boolean;
}

/** Decodes pictures. */
export interface PictureTask {
  epoch: number;
  /** Place of the first picture in the memory, in pictures; and in its batch. */
  first: number;
  from: number;
  /** Which pictures of the source. */
  places: Int32Array;
}

/** Mixes the decoded pictures of a batch. */
export interface MixingTask {
  mixing: Mixing;
  first: number;
  count: number;
}

export interface PicturesShown {
  from: number;
  /** The pictures that are shown. */
  places: Int32Array;
  /** By place in the task. */
  unreadable: [place: number, sentence: string][];
}

export type ThreadAnswer = PicturesShown | { mixed: true } | { failure: string };

/** Unreadable pictures one after another: more of them are a damaged source, not damaged pictures. */
const mostUnreadable = 16;

async function work({ index, used, pixels, size, view, seed, decoder, addon, tune }: ThreadData): Promise<void> {
  useAddon(addon);
  const { default: sharp } = await import('sharp');
  if (tune) sharp.concurrency(1); // pictures are decoded in parallel, one thread each
  const source = sourceOf(index);
  const random = new RandomStream(seed);
  const bytes = 3 * size * size;
  const show = async ({ epoch, first, from, places }: PictureTask): Promise<PicturesShown> => {
    const epochs = random.split(`epoch ${epoch}`);
    const unreadable: PicturesShown['unreadable'] = [];
    for (const [offset, place] of places.entries()) {
      const target = new Uint8Array(pixels, (first + offset) * bytes, bytes);
      const stream = epochs.split(`picture ${place}`);
      const onUnreadable = (reason: string) => unreadable.push([offset, reason]);
      places[offset] = await readable(source, place, stream, onUnreadable, { view, size, target, used, decoder });
    }
    return { from, places, unreadable };
  };
  const mix = ({ mixing, first, count }: MixingTask): ThreadAnswer => {
    mixPictures(new Uint8Array(pixels, first * bytes, count * bytes), count, size, mixing);
    return { mixed: true };
  };
  parentPort!.on('message', async (task: PictureTask | MixingTask) => {
    const answer: ThreadAnswer = await Promise.resolve('mixing' in task ? mix(task) : show(task)).catch(
      (error: Error) => ({ failure: error.message }),
    );
    parentPort!.postMessage(answer);
  });
}

/** Shows the first readable picture from a place on; returns its place. */
async function readable(
  source: ImageSource,
  place: number,
  stream: RandomStream,
  onUnreadable: (sentence: string) => void,
  {
    view,
    size,
    target,
    used,
    decoder,
  }: Pick<ThreadData, 'view' | 'size' | 'used' | 'decoder'> & { target: Uint8Array },
): Promise<number> {
  let reason = '';
  let next = place;
  for (let tried = 0; tried < Math.min(mostUnreadable, source.count); tried++) {
    try {
      const pixels = view.kind === 'training' ? source.pixels(next) : undefined;
      if (view.kind === 'training' && pixels) showStoredPixels(pixels, view, size, stream.split('view'), target);
      else await showPicture(await source.picture(next), view, size, stream.split('view'), target, decoder);
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

// A thread of StreamBatches: reads, decodes and augments pictures into shared memory.

import { parentPort, workerData } from 'node:worker_threads';
import type { PictureDecoder } from '../data/picture-decoder.ts';
import { useAddon } from '../engine/addon.ts';
import { RandomStream } from '../random/stream.ts';
import { type Mixing, mixPictures } from './mixing.ts';
import { type ImageSource, sourceOf } from './open-source.ts';
import { type PictureView, showPicture, showStoredPixels, unreadablePlace } from './picture-view.ts';
import type { StreamIndex } from './stream-index.ts';

export interface ThreadData {
  index: StreamIndex;
  /** 1 for each place whose picture may be shown. Undefined: all. */
  used: Uint8Array | undefined;
  /** Memory of all batches. */
  pixels: SharedArrayBuffer;
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
  /** Where the first picture is written in the memory, in bytes. */
  at: number;
  /** Height and width of the pictures in pixels. */
  side: number;
  /** Place of the first picture in its batch. */
  from: number;
  /** Which pictures of the source. */
  places: Int32Array;
}

/** Mixes the decoded pictures of a batch. */
export interface MixingTask {
  mixing: Mixing;
  /** Where the first picture is in the memory, in bytes. */
  at: number;
  side: number;
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

async function work({ index, used, pixels, view, seed, decoder, addon, tune }: ThreadData): Promise<void> {
  useAddon(addon);
  const { default: sharp } = await import('sharp');
  if (tune) sharp.concurrency(1); // pictures are decoded in parallel, one thread each
  const source = sourceOf(index);
  const random = new RandomStream(seed);
  const show = async ({ epoch, at, side, from, places }: PictureTask): Promise<PicturesShown> => {
    const epochs = random.split(`epoch ${epoch}`);
    const bytes = 3 * side * side;
    const unreadable: PicturesShown['unreadable'] = [];
    for (const [offset, place] of places.entries()) {
      const target = new Uint8Array(pixels, at + offset * bytes, bytes);
      const stream = epochs.split(`picture ${place}`);
      const onUnreadable = (reason: string) => unreadable.push([offset, reason]);
      places[offset] = await readable(source, place, stream, onUnreadable, { view, side, target, used, decoder });
    }
    return { from, places, unreadable };
  };
  const mix = ({ mixing, at, side, count }: MixingTask): ThreadAnswer => {
    mixPictures(new Uint8Array(pixels, at, 3 * side * side * count), count, side, mixing);
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
    side,
    target,
    used,
    decoder,
  }: Pick<ThreadData, 'view' | 'used' | 'decoder'> & {
    side: number;
    target: Uint8Array;
  },
): Promise<number> {
  let reason = '';
  let next = place;
  for (let tried = 0; tried < Math.min(mostUnreadable, source.count); tried++) {
    try {
      const pixels = view.kind === 'training' ? source.pixels(next) : undefined;
      if (view.kind === 'training' && pixels) showStoredPixels(pixels, view, side, stream.split('view'), target);
      else await showPicture(await source.picture(next), view, side, stream.split('view'), target, decoder);
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

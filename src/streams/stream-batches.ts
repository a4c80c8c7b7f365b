// Batches of pictures that threads decode ahead of the training, into memory that they share with it.

import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { type BatchPart, partRange, wholeBatch } from '../data/batch-part.ts';
import { type PictureDecoder, pictureDecoder } from '../data/picture-decoder.ts';
import { addonFile } from '../engine/addon.ts';
import { mayTuneProcess } from '../engine/host-process.ts';
import { Failure } from '../failure.ts';
import { RandomStream } from '../random/stream.ts';
import { whole } from '../words.ts';
import { epochOrder, mixedTogether } from './epoch-order.ts';
import { type MixedLabels, type Mixing, type MixingOptions, mixedLabels, randomMixing } from './mixing.ts';
import type { ImageSource } from './open-source.ts';
import { type PictureView, unreadablePlace } from './picture-view.ts';
import type { StreamIndex } from './stream-index.ts';
import type { MixingTask, PicturesShown, PictureTask, ThreadAnswer, ThreadData } from './stream-thread.ts';

export interface StreamOptions {
  /** Height and width of the pictures in pixels. */
  size: number;
  /** Returns the height and width of a batch's pictures if they are smaller than that. Default: none are. */
  sideOf?: ((epoch: number, step: number) => number | undefined) | undefined;
  batchSize: number;
  /** The part of every batch that is shown in training; pictures are mixed within it. Default: all of it. */
  part?: BatchPart | undefined;
  view: PictureView;
  /** Mixes pictures of a batch in training; `mixed` of the batch then has the second labels. Default: none. */
  mixing?: MixingOptions | undefined;
  seed: number | string;
  /** The pictures that are used, ascending. Default: all. */
  places?: Int32Array | undefined;
  /** Returns the places of an epoch's pictures in their order. Default: each once, in random order. */
  orderOf?: ((epoch: number) => Int32Array) | undefined;
  /** The decoder of JPEG in training; a resumed one asks for that it began with. Default: the fastest that is here. */
  decoder?: PictureDecoder | undefined;
  /**
   * Default: one a core, at most 16; with sharp at most four, since libuv decodes four at a time unless
   * UV_THREADPOOL_SIZE says more.
   */
  threads?: number;
  /** Batches that are decoded ahead; fewer where their memory is short. */
  ahead?: number;
  /** Largest memory for decoded batches in bytes. */
  memory?: number;
}

const defaults = { mostThreads: { 'libjpeg-turbo': 16, sharp: 4 }, ahead: 2, memory: 2 ** 30 };

export interface PictureBatch {
  /** RGB bytes [images, side, side, 3] in shared memory, until the next batch is asked for. */
  pixels: Uint8Array;
  side: number;
  labels: Int32Array;
  /** Second labels and weights for the loss (mixing.ts); only if pictures are mixed. */
  mixed?: MixedLabels;
  /**
   * The pictures that are shown. An unreadable one is replaced by the next readable one in training; in evaluation its
   * place and its label are −1, and its pixels are black.
   */
  places: Int32Array;
  /** A sentence for each unreadable picture. */
  unreadable: string[];
}

/** A batch that is being decoded. */
interface Slot {
  /** Number of the batch, counted through all epochs; −1: free. */
  number: number;
  /** Its memory, for pictures of the full size. */
  pixels: Uint8Array;
  side: number;
  places: Int32Array;
  unreadable: Map<number, string>;
  mixing: Mixing | undefined;
  done: Promise<void>;
}

interface Task {
  slot: number;
  /** Its message to the thread. */
  message: PictureTask | MixingTask;
  settle: () => void;
  fail: (error: Error) => void;
}

/** Pictures that a thread gets at a time. */
const perTask = 8;

/**
 * Batches as functions of (seed, epoch, step), whatever the number of threads. For training every epoch has its own
 * order and the last images that fill no batch are omitted; for evaluation all are shown in the source's order.
 */
export class StreamBatches implements AsyncDisposable {
  readonly count: number;
  /** The decoder of JPEG. */
  readonly decoder: PictureDecoder;
  readonly #source: ImageSource;
  readonly #options: StreamOptions;
  /** Where the part that is shown lies in a batch. */
  readonly #part: { first: number; length: number };
  readonly #slots: Slot[];
  readonly #threads: { worker: Worker; task: Task | undefined }[];
  readonly #queue: Task[] = [];
  readonly #order = new Map<number, Int32Array>();
  /** Groups of orders that the system has been asked to read. */
  readonly #asked = new Set<string>();
  #failure: Error | undefined;

  constructor(source: ImageSource, options: StreamOptions) {
    const { batchSize, size, view, places } = options;
    this.#source = source;
    this.#options = options;
    this.decoder = pictureDecoder(options.decoder);
    const pictures = places?.length ?? source.count;
    this.count =
      view.kind === 'evaluation' ? Math.ceil(pictures / batchSize) : Math.max(1, Math.floor(pictures / batchSize));
    this.#part = partRange(
      options.part ?? wholeBatch,
      view.kind === 'evaluation' ? batchSize : Math.min(batchSize, pictures),
    );
    const { length } = this.#part;
    const bytes = 3 * size * size * length;
    const { ahead = defaults.ahead, memory = defaults.memory } = options;
    const slots = Math.min(ahead + 1, Math.floor(memory / bytes));
    if (slots < 2)
      throw new Failure(`two batches of ${length} pictures need ${whole(2 * bytes)} bytes, more than ${whole(memory)}`);
    const pixels = new SharedArrayBuffer(slots * bytes);
    this.#slots = Array.from({ length: slots }, (_, slot) => ({
      number: -1,
      pixels: new Uint8Array(pixels, slot * bytes, bytes),
      side: size,
      places: new Int32Array(0),
      unreadable: new Map(),
      mixing: undefined,
      done: Promise.resolve(),
    }));
    const { index } = source;
    const used = places && usedPlaces(places, source.count);
    const data: ThreadData = {
      index,
      used,
      pixels,
      view,
      seed: options.seed,
      decoder: this.decoder,
      addon: addonFile(),
      tune: mayTuneProcess(),
    };
    const threads = options.threads ?? Math.min(defaults.mostThreads[this.decoder], availableParallelism());
    this.#threads = Array.from({ length: threads }, () => this.#start(data));
  }

  /** Returns batch `step` (0 to count − 1) of an epoch (from 0) and decodes the following ones meanwhile. */
  async batch(epoch: number, step: number): Promise<PictureBatch> {
    const number = epoch * this.count + step;
    const last = number + this.#slots.length - 1;
    await this.#drop(({ number: other }) => other < number || other > last);
    for (let next = number; next <= last; next++) this.#schedule(next);
    const slot = this.#slots.find((each) => each.number === number)!;
    await slot.done;
    const { pixels, side, places, unreadable, mixing } = slot;
    const labels = places.map((place) => (place === unreadablePlace ? -1 : this.#source.label(place)));
    return {
      pixels: pixels.subarray(0, 3 * side * side * places.length),
      side,
      places,
      labels,
      ...(mixing && { mixed: mixedLabels(labels, side, mixing) }),
      unreadable: [...unreadable].sort(([one], [other]) => one - other).map(([, sentence]) => sentence),
    };
  }

  /** Ends the threads. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#fail(new Failure('the batches are closed'));
    await Promise.all(this.#threads.map(({ worker }) => worker.terminate()));
  }

  /** Frees batches that are not needed, after what threads are decoding of them. */
  async #drop(isDropped: (slot: Slot) => boolean): Promise<void> {
    for (const [place, slot] of this.#slots.entries()) {
      if (slot.number === -1 || !isDropped(slot)) continue;
      for (const task of this.#queue.filter((each) => each.slot === place)) {
        this.#queue.splice(this.#queue.indexOf(task), 1);
        task.settle();
      }
      await slot.done;
      slot.number = -1;
    }
  }

  #schedule(number: number): void {
    if (this.#slots.some((each) => each.number === number)) return;
    const place = this.#slots.findIndex((each) => each.number === -1);
    const slot = this.#slots[place]!;
    const [epoch, step] = [Math.floor(number / this.count), number % this.count];
    const side = Math.min(this.#options.sideOf?.(epoch, step) ?? this.#options.size, this.#options.size);
    slot.number = number;
    slot.side = side;
    slot.places = this.#placesOf(epoch, step);
    this.#readAhead(epoch, step);
    slot.unreadable = new Map();
    slot.mixing = this.#mixingOf(epoch, step, side);
    const tasks: Promise<void>[] = [];
    for (let from = 0; from < slot.places.length; from += perTask) {
      const places = slot.places.slice(from, from + perTask);
      const at = slot.pixels.byteOffset + 3 * side * side * from;
      tasks.push(this.#enqueue(place, { epoch, at, side, from, places }));
    }
    slot.done = Promise.all(tasks).then(() => this.#mix(place));
    slot.done.catch(() => {}); // reported by the batch that waits for it
    this.#feed();
  }

  #enqueue(slot: number, message: PictureTask | MixingTask): Promise<void> {
    const { promise, resolve: settle, reject: fail } = Promise.withResolvers<void>();
    if (this.#failure) fail(this.#failure);
    else this.#queue.push({ slot, message, settle, fail });
    return promise;
  }

  /** Mixes a decoded batch in a thread. */
  async #mix(place: number): Promise<void> {
    const { mixing, pixels, side, places } = this.#slots[place]!;
    if (!mixing) return;
    const mixed = this.#enqueue(place, { mixing, at: pixels.byteOffset, side, count: places.length });
    this.#feed();
    await mixed;
  }

  #mixingOf(epoch: number, step: number, side: number): Mixing | undefined {
    const { mixing, seed, view } = this.#options;
    if (view.kind === 'evaluation' || !(mixing?.mixup || mixing?.cutmix)) return undefined;
    return randomMixing(new RandomStream(seed).split(`epoch ${epoch}`).split(`mixing ${step}`), side, mixing);
  }

  #placesOf(epoch: number, step: number): Int32Array {
    const { batchSize, view, places } = this.#options;
    const [from, to] = [step * batchSize, (step + 1) * batchSize];
    if (view.kind !== 'evaluation') {
      const { first, length } = this.#part;
      return this.#orderOf(epoch).slice(from + first, from + first + length);
    }
    const last = Math.min(to, this.#source.count);
    return places?.slice(from, to) ?? Int32Array.from({ length: last - from }, (_, place) => from + place);
  }

  #orderOf(epoch: number): Int32Array {
    const known = this.#order.get(epoch);
    if (known) return known;
    const { seed, places, orderOf } = this.#options;
    const order = orderOf?.(epoch) ?? trainingOrder(this.#source.index, places, seed, epoch);
    if (this.#order.size > 1) this.#order.delete(this.#order.keys().next().value!);
    this.#order.set(epoch, order);
    return order;
  }

  /** Asks the system to read the pictures that are shuffled with those of a step, and the next ones. */
  #readAhead(epoch: number, step: number): void {
    const order = this.#order.get(epoch);
    const together = mixedTogether(this.#source.index);
    if (!order || together === 0) return;
    const group = Math.floor((step * this.#options.batchSize) / together);
    for (const next of [group, group + 1]) {
      const key = `${epoch} ${next}`;
      if (this.#asked.has(key)) continue;
      if (this.#asked.size > 16) this.#asked.clear();
      this.#asked.add(key);
      this.#source.readAhead(order.subarray(next * together, (next + 1) * together));
    }
  }

  #feed(): void {
    for (const thread of this.#threads) {
      if (thread.task) continue;
      thread.task = this.#queue.shift();
      if (!thread.task) return;
      thread.worker.postMessage(thread.task.message);
    }
  }

  #start(data: ThreadData): { worker: Worker; task: Task | undefined } {
    const script = new URL('./stream-thread.ts', import.meta.url);
    const worker = new Worker(script, { workerData: data, execArgv: [] }); // not those of `node -e`
    const thread: { worker: Worker; task: Task | undefined } = { worker, task: undefined };
    worker.on('message', (answer: ThreadAnswer) => {
      const { task } = thread;
      if (!task) return; // it answers after a failure
      thread.task = undefined;
      if ('failure' in answer) {
        const failure = new Failure(answer.failure);
        task.fail(failure);
        this.#fail(failure);
      } else {
        if ('places' in answer) this.#take(this.#slots[task.slot]!, answer);
        task.settle();
        this.#feed();
      }
    });
    worker.on('error', (error) => this.#fail(error));
    return thread;
  }

  #take(slot: Slot, { from, places, unreadable }: PicturesShown): void {
    slot.places.set(places, from);
    for (const [place, sentence] of unreadable) slot.unreadable.set(from + place, sentence);
  }

  #fail(error: Error): void {
    this.#failure = error;
    for (const task of this.#queue.splice(0)) task.fail(error);
    for (const thread of this.#threads) {
      thread.task?.fail(error);
      thread.task = undefined;
    }
  }
}

function trainingOrder(
  index: StreamIndex,
  places: Int32Array | undefined,
  seed: number | string,
  epoch: number,
): Int32Array {
  const order = epochOrder(index, new RandomStream(seed).split(`epoch ${epoch}`).split('order'));
  if (!places) return order;
  const used = usedPlaces(places, index.count);
  return order.filter((place) => used[place] === 1);
}

/** Returns 1 for each place that is used, in memory that threads share. */
function usedPlaces(places: Int32Array, count: number): Uint8Array {
  const used = new Uint8Array(new SharedArrayBuffer(count));
  for (const place of places) used[place] = 1;
  return used;
}

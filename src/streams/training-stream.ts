// The batches of a training from a stream of pictures. Threads decode and crop them; what is left of the augmentation
// is done with the whole batch, as for images in memory.

import { augmentAs, randomRows, row, sampleAugmentation } from '../data/augmentation.ts';
import type { Augmentation } from '../data/augmentations.ts';
import { type BatchPart, partColumns, partRange, wholeBatch } from '../data/batch-part.ts';
import { balancedPlaces, batchRows, placesByClass } from '../data/batches.ts';
import type { PictureDecoder } from '../data/picture-decoder.ts';
import type { Batch, MakeOptions, StepBatches, StepPixels } from '../data/step-batches.ts';
import type { Whitening } from '../data/whitening.ts';
import { fromBytes, indexTensor } from '../engine/create.ts';
import { scope } from '../engine/memory.ts';
import type { Tensor } from '../engine/tensor.ts';
import { RandomStream } from '../random/stream.ts';
import type { MixingOptions } from './mixing.ts';
import type { ImageSource } from './open-source.ts';
import type { PictureView } from './picture-view.ts';
import { type PictureBatch, StreamBatches } from './stream-batches.ts';

export interface TrainingStreamOptions {
  /** The pictures that are used, ascending. */
  places: Int32Array;
  /** Side of the pictures in pixels. */
  size: number;
  /**
   * Returns the side of the pictures at a step, counted through all epochs of so many, if it is smaller; threads then
   * show them no larger. Default: they have the same size at all steps.
   */
  sideAt?: ((step: number, stepsPerEpoch: number) => number | undefined) | undefined;
  batchSize: number;
  /** How threads show a picture. */
  view: PictureView;
  /** Changes of the shown picture. */
  augmentation: Augmentation;
  /** Mixes pictures of a batch in pairs. Default: none. */
  mixing?: MixingOptions | undefined;
  whitening: Whitening;
  seed: number | string;
  /** Whether an epoch shows equally many pictures of each class. Default: it shows each picture once. */
  balanced?: boolean;
  /** The part of every batch that is shown. Default: all of it. */
  part?: BatchPart | undefined;
  device: string;
  /** Threads that decode. */
  threads: number;
  /** The decoder of JPEG. Default: the fastest that is here. */
  decoder?: PictureDecoder | undefined;
  /** Called with a sentence for each picture that cannot be read, once. */
  onUnreadable?: (sentence: string) => void;
}

/** At least so many pictures are decoded ahead, so that small batches do not wait for a slow one. */
const picturesAhead = 128;

/** Rows of second labels and of the shares of the first ones, in parts of 2 ^ 24, which float32 has exactly. */
const mixedRows = 2;
const wholeWeight = 2 ** 24;

const mixedOf = (integers: Tensor): NonNullable<Batch['mixed']> => ({
  partners: integers.select(0, batchRows).clone(),
  weights: integers
    .select(0, batchRows + 1)
    .to('float32')
    .div(wholeWeight),
});

export class TrainingStream implements StepBatches, AsyncDisposable {
  readonly count: number;
  readonly rows: number;
  readonly batchSize: number;
  readonly wholeBatchSize: number;
  readonly pixels: StepPixels;
  readonly #source: ImageSource;
  readonly #options: TrainingStreamOptions;
  readonly #stream: StreamBatches;
  readonly #random: RandomStream;
  readonly #reported = new Set<string>();
  #ready: { epoch: number; step: number; pictures: PictureBatch } | undefined;
  /** With alternating flips: 1 for pictures that are mirrored in the first epoch, by place. */
  #mirroredFirst: Int32Array | undefined;

  constructor(source: ImageSource, options: TrainingStreamOptions) {
    const { places, size, sideAt, batchSize, view, mixing, seed, threads, decoder, balanced } = options;
    const { part = wholeBatch } = options;
    this.rows = batchRows + (mixing ? mixedRows : 0);
    this.#source = source;
    this.#options = options;
    this.#random = new RandomStream(seed).split('batches');
    this.wholeBatchSize = Math.min(batchSize, places.length);
    this.batchSize = partRange(part, this.wholeBatchSize).length;
    const orderOf = balanced ? this.#balancedOrder() : undefined;
    const ahead = Math.max(2, Math.ceil(picturesAhead / batchSize));
    const sideOf = sideAt && ((epoch: number, step: number) => sideAt(epoch * this.count + step, this.count));
    const shown = { size, sideOf, batchSize, view, mixing, seed, places, orderOf, part };
    this.#stream = new StreamBatches(source, { ...shown, threads, ahead, decoder });
    this.count = this.#stream.count;
    this.pixels = {
      shape: [this.batchSize, size, size, 3],
      of: (epoch, step) => {
        const { pixels, side } = this.#at(epoch, step);
        return { bytes: pixels, shape: [this.batchSize, side, side, 3] };
      },
    };
  }

  get device(): string {
    return this.#options.device;
  }

  get decoder(): PictureDecoder {
    return this.#stream.decoder;
  }

  get whitening(): Whitening {
    return this.#options.whitening;
  }

  labels(): Int32Array {
    return this.#options.places.map((place) => this.#source.label(place));
  }

  async wait(epoch: number, step: number): Promise<void> {
    const pictures = await this.#stream.batch(epoch, step);
    this.#ready = { epoch, step, pictures };
    for (const sentence of pictures.unreadable) {
      if (this.#reported.has(sentence)) continue;
      this.#reported.add(sentence);
      this.#options.onUnreadable?.(sentence);
    }
  }

  #at(epoch: number, step: number): PictureBatch {
    if (this.#ready?.epoch === epoch && this.#ready.step === step) return this.#ready.pictures;
    throw new Error(`batch ${step} of epoch ${epoch} was not waited for`);
  }

  batch(epoch: number, step: number, side?: number): Batch {
    return scope(() => {
      const integers = indexTensor(this.integersOf(epoch, step), this.device, [this.rows, this.batchSize]);
      const { bytes, shape } = this.pixels.of(epoch, step);
      const pixels = fromBytes(bytes, 'uint8', shape).to(this.device);
      return this.make(integers, { side, pixels });
    });
  }

  /**
   * Returns labels in the first row, then random numbers of the augmentation, then second labels and shares of mixed
   * pictures.
   */
  integersOf(epoch: number, step: number): Int32Array {
    const { labels, places, side, mixed } = this.#at(epoch, step);
    const augmentation = this.#augmentationOf(side);
    const random = this.#random.split(`epoch ${epoch}`).split(`step ${step}`);
    const whole = this.wholeBatchSize;
    const sampled = sampleAugmentation(whole, [side, side], augmentation, random);
    const integers = new Int32Array(this.rows * this.batchSize);
    integers.set(labels);
    integers.set(partColumns(sampled, whole, this.#options.part ?? wholeBatch), this.batchSize);
    if (augmentation.flip === 'alternate') {
      this.#mirroredFirst ??= this.#firstFlips();
      const first = this.#mirroredFirst;
      integers.set(
        places.map((place) => (first[place]! + epoch) % 2),
        (1 + row.flip) * this.batchSize,
      );
    }
    if (mixed) {
      integers.set(mixed.partners, batchRows * this.batchSize);
      integers.set(
        Int32Array.from(mixed.weights, (weight) => Math.round(weight * wholeWeight)),
        (batchRows + 1) * this.batchSize,
      );
    }
    return integers;
  }

  /** Returns the changes of pictures of a side: cutout blanks the same share of it. */
  #augmentationOf(side: number): Augmentation {
    const { augmentation, size } = this.#options;
    return { ...augmentation, cutout: Math.round((augmentation.cutout * side) / size) };
  }

  #firstFlips(): Int32Array {
    const random = this.#random.split('first flips');
    return Int32Array.from({ length: this.#source.count }, () => random.integer(2));
  }

  make(integers: Tensor, { whitening = this.whitening, side, pixels }: MakeOptions): Batch {
    return scope(() => {
      const images = pixels!.permute([0, 3, 1, 2]); // [batch, 3, height, width] in channels_last
      const numbers = integers.narrow(0, 1, randomRows);
      const labels = integers.select(0, 0).clone();
      const augmentation = this.#augmentationOf(images.shape[2]!);
      const batch = { images: augmentAs(images, whitening, augmentation, numbers, side), labels };
      return this.rows === batchRows ? batch : { ...batch, mixed: mixedOf(integers) };
    });
  }

  #balancedOrder(): (epoch: number) => Int32Array {
    const { places } = this.#options;
    const classPlaces = placesByClass(this.labels());
    return (epoch) => {
      const random = this.#random.split(`epoch ${epoch}`).split('order');
      return balancedPlaces(classPlaces, places.length, random).map((place) => places[place]!);
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stream[Symbol.asyncDispose]();
  }
}

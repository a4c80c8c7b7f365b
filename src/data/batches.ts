// Batches as functions of (seed, epoch, step), so that a training resumed at any step has the same images and
// augmentations without any saved state.

import { indexTensor } from '../engine/create.ts';
import { scope } from '../engine/memory.ts';
import type { Tensor } from '../engine/tensor.ts';
import { RandomStream } from '../random/stream.ts';
import { augmentAs, randomRows, row, sampleAugmentation } from './augmentation.ts';
import type { Augmentation } from './augmentations.ts';
import { type BatchPart, partColumns, partRange, wholeBatch } from './batch-part.ts';
import type { LabelledImages } from './dataset.ts';
import type { Batch, MakeOptions, StepBatches } from './step-batches.ts';
import { showForTest, type TestView } from './test-view.ts';
import type { Whitening } from './whitening.ts';

export interface ImageSelection {
  /** The images; batches are made on their device. */
  from: LabelledImages;
  /** Indices of the images to use; default: all. */
  indices?: Int32Array;
  batchSize: number;
}

export interface TrainingSource extends ImageSelection {
  whitening: Whitening;
  augmentation: Augmentation;
  seed: number | string;
  /** Whether an epoch shows equally many images of each class. Default: it shows each image once. */
  balanced?: boolean;
  /** The part of every batch that is shown. Default: all of it. */
  part?: BatchPart | undefined;
}

export interface TestSource extends ImageSelection {
  view: TestView;
}

/** Rows of integers that determine a training batch: image indices, then random numbers of the augmentation. */
export const batchRows = 1 + randomRows;

/**
 * Batches of training images. Every epoch has its own order. The last images of an epoch that do not fill a batch are
 * omitted (other ones in the next epoch); fewer images than one batch make one small batch.
 */
export class TrainingBatches implements StepBatches, AsyncDisposable {
  /** Number of batches per epoch. */
  readonly count: number;
  readonly rows = batchRows;
  readonly #source: TrainingSource;
  readonly #indices: Int32Array;
  readonly #random: RandomStream;
  /** The order of the latest epoch, cached. */
  #order: { epoch: number; places: Int32Array } | undefined;
  /** With balanced classes: the places of the images of each class. */
  readonly #classPlaces: readonly Int32Array[] | undefined;
  /** With alternating flips: 1 for images that are mirrored in the first epoch, by index. */
  #mirroredFirst: Int32Array | undefined;

  constructor(source: TrainingSource) {
    this.#source = source;
    this.#indices = allIndices(source);
    this.#random = new RandomStream(source.seed).split('batches');
    this.count = Math.max(1, Math.floor(this.#indices.length / source.batchSize));
    if (source.balanced) this.#classPlaces = placesByClass(this.labels());
  }

  /** Number of images per batch, of its part that is shown. */
  get batchSize(): number {
    return partRange(this.#part, this.wholeBatchSize).length;
  }

  /** Number of images per batch. */
  get wholeBatchSize(): number {
    return Math.min(this.#source.batchSize, this.#indices.length);
  }

  get #part(): BatchPart {
    return this.#source.part ?? wholeBatch;
  }

  /** The device of the batches. */
  get device(): string {
    return this.#source.from.images.device;
  }

  /** Returns the labels of the images that are used. */
  labels(): Int32Array {
    const labels = this.#source.from.labels.toArray();
    return this.#indices.map((index) => labels[index]!);
  }

  get whitening(): Whitening {
    return this.#source.whitening;
  }

  /**
   * Returns batch `step` (0 to count − 1) of an epoch (from 0), averaged down to `side` pixels if that is smaller. It
   * belongs to the caller's scope.
   */
  batch(epoch: number, step: number, side?: number): Batch {
    const shape = [batchRows, this.batchSize];
    return scope(() => this.make(indexTensor(this.integersOf(epoch, step), this.device, shape), { side }));
  }

  /** Returns the integers that determine a batch: [batchRows, batchSize], row by row. */
  integersOf(epoch: number, step: number): Int32Array {
    const random = this.#random.split(`epoch ${epoch}`);
    if (this.#order?.epoch !== epoch) {
      this.#order = { epoch, places: this.#shuffled(random.split('order')) };
    }
    const batchSize = this.wholeBatchSize;
    const places = this.#order.places.subarray(step * batchSize, (step + 1) * batchSize);
    const [, , height, width] = this.#source.from.images.shape as [number, number, number, number];
    const randomNumbers = new Int32Array(batchRows * batchSize);
    randomNumbers.set(places.map((place) => this.#indices[place]!));
    randomNumbers.set(
      sampleAugmentation(batchSize, [height, width], this.#source.augmentation, random.split(`step ${step}`)),
      batchSize,
    );
    if (this.#source.augmentation.flip === 'alternate') {
      randomNumbers.set(this.#alternateFlips(places, epoch), (1 + row.flip) * batchSize);
    }
    return partColumns(randomNumbers, batchSize, this.#part);
  }

  /** Holds nothing: the images belong to the dataset. */
  async [Symbol.asyncDispose](): Promise<void> {}

  /** Returns the places of an epoch's images in random order. */
  #shuffled(random: RandomStream): Int32Array {
    const count = this.#indices.length;
    if (!this.#classPlaces) return random.shuffle(count);
    return balancedPlaces(this.#classPlaces, count, random);
  }

  #alternateFlips(places: Int32Array, epoch: number): Int32Array {
    this.#mirroredFirst ??= this.#firstFlips();
    const first = this.#mirroredFirst;
    return places.map((place) => (first[place]! + epoch) % 2);
  }

  #firstFlips(): Int32Array {
    const random = this.#random.split('first flips');
    return Int32Array.from(this.#indices, () => random.integer(2));
  }

  /** Makes the batch of integers int64 [batchRows, batchSize] on the device, without waiting for the device. */
  make(randomNumbers: Tensor, { whitening = this.whitening, side }: MakeOptions = {}): Batch {
    return scope(() => {
      const { images, labels } = take(this.#source, randomNumbers.select(0, 0));
      const numbers = randomNumbers.narrow(0, 1, randomRows);
      return { images: augmentAs(images, whitening, this.#source.augmentation, numbers, side), labels };
    });
  }
}

/** Batches of all images in order, in a test view. The last batch may be smaller. Can be iterated several times. */
export class EvaluationBatches {
  readonly count: number;
  readonly #source: TestSource;
  readonly #indices: Int32Array;

  constructor(source: TestSource) {
    this.#source = source;
    this.#indices = allIndices(source);
    this.count = Math.ceil(this.#indices.length / source.batchSize);
  }

  /** Returns batch `step` (0 to count − 1). It belongs to the caller's scope. */
  batch(step: number): Batch {
    const { batchSize, view } = this.#source;
    return scope(() => {
      const chosen = this.#indices.subarray(step * batchSize, (step + 1) * batchSize);
      const { images, labels } = take(this.#source, indexTensor(chosen, this.#source.from.images.device));
      return { images: showForTest(images, view), labels };
    });
  }

  *[Symbol.iterator](): Generator<Batch> {
    for (let step = 0; step < this.count; step++) yield this.batch(step);
  }
}

/** Returns the places of each class that has any. */
export function placesByClass(labels: Int32Array): Int32Array[] {
  const places = Map.groupBy(labels.keys(), (place) => labels[place]!);
  return [...places].sort(([one], [other]) => one - other).map(([, own]) => Int32Array.from(own));
}

/**
 * Returns `count` places with equally many of each class, in random order; one more of some classes chosen at random. A
 * class with too few images begins again with all of them, in another order.
 */
export function balancedPlaces(classPlaces: readonly Int32Array[], count: number, random: RandomStream): Int32Array {
  const each = Math.floor(count / classPlaces.length);
  const rest = count % classPlaces.length;
  const order = random.split('rest').shuffle(classPlaces.length);
  const chosen = [...order].flatMap((label, rank) => {
    const own = classPlaces[label]!;
    const stream = random.split(`class ${label}`);
    const rounds = Math.ceil((each + 1) / own.length);
    const all = Array.from({ length: rounds }, () => [...stream.shuffle(own.length)]).flat();
    return all.slice(0, each + (rank < rest ? 1 : 0)).map((place) => own[place]!);
  });
  return random
    .split('mixed')
    .shuffle(count)
    .map((place) => chosen[place]!);
}

function allIndices({ indices, from }: ImageSelection): Int32Array {
  return indices ?? Int32Array.from({ length: from.labels.shape[0]! }, (_, place) => place);
}

/** Returns images as bytes, and labels, at `places` int64 [count]. */
function take({ from }: ImageSelection, places: Tensor): Batch {
  return { images: from.images.indexSelect(0, places), labels: from.labels.indexSelect(0, places) };
}

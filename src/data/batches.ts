// Batches as pure functions of (seed, epoch, step): a training that is resumed at any step sees the images it would have seen,
// augmented as they would have been, without anything to save.

import { indexTensor } from '../engine/create.ts';
import { scope } from '../engine/memory.ts';
import type { Tensor } from '../engine/tensor.ts';
import { RandomStream } from '../random/stream.ts';
import { augmentAs, drawAugmentation, drawnRows, row } from './augmentation.ts';
import type { Augmentation } from './augmentations.ts';
import type { LabelledImages } from './dataset.ts';
import { showForTest, type TestView } from './test-view.ts';
import type { Whitening, WhiteningTensors } from './whitening.ts';

/** Whitened images float32 [images, 3, height, width] in channels_last, and labels int64 [images]. */
export interface Batch {
  images: Tensor;
  labels: Tensor;
}

export interface ImageSelection {
  /** Batches are made on the device where these live. */
  from: LabelledImages;
  /** Which of the images; all by default. */
  indices?: Int32Array;
  batchSize: number;
}

export interface TrainingSource extends ImageSelection {
  whitening: Whitening;
  augmentation: Augmentation;
  seed: number | string;
}

export interface TestSource extends ImageSelection {
  view: TestView;
}

/** A training batch in whole numbers: the images' places, then what their augmentation draws. */
export const batchRows = 1 + drawnRows;

/**
 * Every epoch goes through the images in an order of its own. The last images of an epoch that fill no batch are left out (there
 * are others in the next one); fewer images than one batch make one small batch.
 */
export class TrainingBatches {
  /** Batches of one epoch. */
  readonly count: number;
  readonly #source: TrainingSource;
  readonly #indices: Int32Array;
  readonly #random: RandomStream;
  /** The order of the latest epoch asked for: it follows from the seed, and is kept because a step needs little of it. */
  #order: { epoch: number; places: Int32Array } | undefined;
  /** 1 for images that are mirrored in the first epoch, by their place; where flips alternate. */
  #mirroredFirst: Int32Array | undefined;

  constructor(source: TrainingSource) {
    this.#source = source;
    this.#indices = allIndices(source);
    this.#random = new RandomStream(source.seed).split('batches');
    this.count = Math.max(1, Math.floor(this.#indices.length / source.batchSize));
  }

  /** Images of each batch. */
  get batchSize(): number {
    return Math.min(this.#source.batchSize, this.#indices.length);
  }

  /** Where the batches are made. */
  get device(): string {
    return this.#source.from.images.device;
  }

  get whitening(): Whitening {
    return this.#source.whitening;
  }

  /**
   * Batch `step`, from 0 to count − 1, of an epoch, from 0 on, averaged down to `side` pixels where that is smaller. It belongs to the
   * caller's scope.
   */
  batch(epoch: number, step: number, side?: number): Batch {
    const shape = [batchRows, this.batchSize];
    return scope(() => this.make(indexTensor(this.draw(epoch, step), this.device, shape), { side }));
  }

  /** What decides that batch: [batchRows, batchSize], row after row. */
  draw(epoch: number, step: number): Int32Array {
    const random = this.#random.split(`epoch ${epoch}`);
    if (this.#order?.epoch !== epoch) {
      this.#order = { epoch, places: random.split('order').shuffle(this.#indices.length) };
    }
    const { batchSize } = this;
    const places = this.#order.places.subarray(step * batchSize, (step + 1) * batchSize);
    const [, , height, width] = this.#source.from.images.shape as [number, number, number, number];
    const drawn = new Int32Array(batchRows * batchSize);
    drawn.set(places.map((place) => this.#indices[place]!));
    drawn.set(
      drawAugmentation(batchSize, [height, width], this.#source.augmentation, random.split(`step ${step}`)),
      batchSize,
    );
    if (this.#source.augmentation.flip === 'alternate') {
      drawn.set(this.#alternateFlips(places, epoch), (1 + row.flip) * batchSize);
    }
    return drawn;
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

  /** The batch of drawn numbers int64 [batchRows, batchSize] on the device. Nothing here waits for the device. */
  make(
    drawn: Tensor,
    { whitening = this.whitening, side }: { whitening?: Whitening | WhiteningTensors; side?: number | undefined } = {},
  ): Batch {
    return scope(() => {
      const { images, labels } = take(this.#source, drawn.select(0, 0));
      const numbers = drawn.narrow(0, 1, drawnRows);
      return { images: augmentAs(images, whitening, this.#source.augmentation, numbers, side), labels };
    });
  }
}

/** All images in their order, as a test view shows them. The last batch may be smaller. Can be gone through many times. */
export class EvaluationBatches {
  readonly count: number;
  readonly #source: TestSource;
  readonly #indices: Int32Array;

  constructor(source: TestSource) {
    this.#source = source;
    this.#indices = allIndices(source);
    this.count = Math.ceil(this.#indices.length / source.batchSize);
  }

  /** Batch `step`, from 0 to count − 1. It belongs to the caller's scope. */
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

function allIndices({ indices, from }: ImageSelection): Int32Array {
  return indices ?? Int32Array.from({ length: from.labels.shape[0]! }, (_, place) => place);
}

/** Some images as bytes and their labels; `places` int64 [count]. */
function take({ from }: ImageSelection, places: Tensor): Batch {
  return { images: from.images.indexSelect(0, places), labels: from.labels.indexSelect(0, places) };
}

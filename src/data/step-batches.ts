// What a training asks of its batches. They come from images in memory (batches.ts) or from a stream of pictures
// (streams/training-stream.ts).

import type { Tensor } from '../engine/tensor.ts';
import type { Whitening, WhiteningTensors } from './whitening.ts';

/** Whitened images float32 [images, 3, height, width] in channels_last, and labels int64 [images]. */
export interface Batch {
  images: Tensor;
  labels: Tensor;
  /** The second labels of images that are mixed in pairs, int64 [images], and the shares of the first ones, float32. */
  mixed?: { partners: Tensor; weights: Tensor };
}

/** Batches as functions of (seed, epoch, step). */
export interface StepBatches {
  /** Number of batches per epoch. */
  readonly count: number;
  /** Number of images per batch, of this process's part of it. */
  readonly batchSize: number;
  /** Number of images per batch, of all processes. */
  readonly wholeBatchSize: number;
  readonly device: string;
  readonly whitening: Whitening;
  /** The decoder of streamed pictures. */
  readonly decoder?: string;
  /** Returns the labels of the images that are used. */
  labels(): Int32Array;
  /**
   * Waits until a batch is on the host; the other functions are then called with the same epoch and step. Absent: all
   * images are in memory.
   */
  wait?(epoch: number, step: number): Promise<void>;
  /** Returns a batch, averaged down to `side` pixels if that is smaller. It belongs to the caller's scope. */
  batch(epoch: number, step: number, side?: number): Batch;
  /** Rows of integers that determine a batch. */
  readonly rows: number;
  /** Returns the integers that determine a batch: [rows, batchSize], row by row. */
  integersOf(epoch: number, step: number): Int32Array;
  /** The pixels of streamed images, a step's input besides the integers. */
  readonly pixels?: StepPixels;
  /** Makes a batch of its inputs on the device, without waiting for the device. */
  make(integers: Tensor, options: MakeOptions): Batch;
}

/** RGB bytes of the images of a step. */
export interface StepPixels {
  /** [batchSize, height, width, 3] of the largest ones. */
  readonly shape: readonly number[];
  /** Returns those of a step, whose images may be smaller: [batchSize, side, side, 3]. */
  of(epoch: number, step: number): { bytes: Uint8Array; shape: readonly number[] };
}

export interface MakeOptions {
  /** Default: that of the batches, copied to the device. */
  whitening?: Whitening | WhiteningTensors;
  side?: number | undefined;
  /** The pixels of streamed images, uint8 [batchSize, side, side, 3]. */
  pixels?: Tensor | undefined;
}

// A batch of an evaluation, from image files, a dataset in the cache or a stream of pictures.

import type { Batch } from './step-batches.ts';

export interface SourceBatch {
  /** Number of images in this batch, including unreadable ones. */
  imageCount: number;
  /** The caller disposes of it; undefined if no image could be read. */
  batch: Batch | undefined;
  /** The places of the batch's images among those evaluated. */
  places: number[];
  /** A sentence with the image's name for each unreadable image. */
  unreadable: string[];
}

// Labelled images for an evaluation that may take long: from any place on, batch after batch. One source reads files as it goes,
// the other a dataset in the cache.

import { createHash } from 'node:crypto';
import { type Batch, EvaluationBatches } from '../data/batches.ts';
import type { LabelledImages as Dataset } from '../data/dataset.ts';
import type { ListedImage } from '../data/image-listing.ts';
import { imageBatch } from '../data/prepare-image.ts';
import { readAhead } from '../data/read-ahead.ts';
import type { TestView } from '../data/test-view.ts';
import { indexTensor } from '../engine/create.ts';
import type { Preprocessing } from '../model/preprocessing.ts';
import { RandomStream } from '../random/stream.ts';

export interface ImageSource {
  readonly count: number;
  /** Another text whenever the images, their classes or their order are others. */
  readonly identity: string;
  batches(from: number): AsyncIterable<SourceBatch>;
}

export interface SourceBatch {
  /** Images that this batch is the end of, those that could not be read included. */
  taken: number;
  /** The caller's to dispose; absent if none could be read. */
  batch: Batch | undefined;
  /** One sentence each, with the file's name. */
  unreadable: string[];
}

/** Image files, prepared as the network's weights say. */
export function fileSource(
  files: readonly ListedImage[],
  preprocessing: Preprocessing,
  size: readonly [height: number, width: number],
  batchSize: number,
): ImageSource {
  const hash = createHash('sha256');
  for (const { path, label, bytes, modified } of files) hash.update(JSON.stringify([path, label, bytes, modified]));
  return {
    count: files.length,
    identity: hash.digest('hex'),
    async *batches(from) {
      for await (const { files: read, pixels, unreadable } of readAhead(
        files.slice(from),
        preprocessing,
        size,
        batchSize,
      )) {
        const batch =
          read.length === 0
            ? undefined
            : {
                images: imageBatch(pixels, size, preprocessing),
                labels: indexTensor(read.map(({ label }) => label)),
              };
        yield { taken: read.length + unreadable.length, batch, unreadable };
      }
    },
  };
}

/** Images of a dataset that is mapped from the cache; `indices` say which, all by default. */
export function datasetSource(
  from: Dataset,
  name: string,
  indices: Int32Array,
  view: TestView,
  batchSize: number,
): ImageSource {
  return {
    count: indices.length,
    identity: JSON.stringify([name, from.images.shape, createHash('sha256').update(indices).digest('hex')]),
    async *batches(first) {
      for (const batch of new EvaluationBatches({ from, indices: indices.subarray(first), view, batchSize })) {
        yield { taken: batch.labels.shape[0]!, batch, unreadable: [] };
      }
    },
  };
}

/**
 * `limit` of `count` places at equal distances, all if it is absent, in a mixed order that is always the same: every class of a
 * sorted listing has its share, of the chosen images and of those evaluated so far.
 */
export function chosenPlaces(count: number, limit = count): Int32Array {
  const chosen = Math.min(count, limit);
  const order = new RandomStream('evaluation').shuffle(chosen);
  return Int32Array.from(order, (index) => Math.floor((index * count) / chosen));
}

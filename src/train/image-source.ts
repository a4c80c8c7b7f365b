// Sources of labelled images for long evaluations: batches from any index on, from image files or from a dataset in the
// cache.

import { createHash } from 'node:crypto';
import { EvaluationBatches } from '../data/batches.ts';
import type { LabelledImages as Dataset } from '../data/dataset.ts';
import type { ListedImage } from '../data/image-listing.ts';
import { imageBatch } from '../data/prepare-image.ts';
import { readAhead } from '../data/read-ahead.ts';
import type { SourceBatch } from '../data/source-batch.ts';
import type { TestView } from '../data/test-view.ts';
import { indexTensor } from '../engine/create.ts';
import type { Preprocessing } from '../model/preprocessing.ts';
import { RandomStream } from '../random/stream.ts';

export interface ImageSource {
  readonly count: number;
  /** Identity of the images, their classes and their order. */
  readonly identity: string;
  batches(from: number): AsyncIterable<SourceBatch>;
  /** Returns the name of an image: its file, or its number in the dataset. */
  nameOf(place: number): string;
}

/** Returns a source of image files, preprocessed for the network. */
export function fileSource(
  files: readonly ListedImage[],
  preprocessing: Preprocessing,
  size: readonly [height: number, width: number],
  batchSize: number,
): ImageSource {
  const hash = createHash('sha256');
  for (const { path, label, bytes, modified } of files) hash.update(JSON.stringify([path, label, bytes, modified]));
  const placeOf = new Map(files.map((file, place) => [file, place]));
  return {
    count: files.length,
    identity: hash.digest('hex'),
    nameOf: (place) => files[place]!.path,
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
        const places = read.map((file) => placeOf.get(file)!);
        yield { imageCount: read.length + unreadable.length, batch, places, unreadable };
      }
    },
  };
}

/** Returns a source of images of a dataset in the cache. `indices` selects images; default: all. */
export function datasetSource(
  from: Dataset,
  name: string,
  indices: Int32Array,
  { view, batchSize, imageName }: { view: TestView; batchSize: number; imageName: (index: number) => string },
): ImageSource {
  return {
    count: indices.length,
    nameOf: (place) => imageName(indices[place]!),
    identity: JSON.stringify([name, from.images.shape, createHash('sha256').update(indices).digest('hex')]),
    async *batches(first) {
      let done = first;
      for (const batch of new EvaluationBatches({ from, indices: indices.subarray(first), view, batchSize })) {
        const count = batch.labels.shape[0]!;
        const before = done;
        const places = Array.from({ length: count }, (_, row) => before + row);
        yield { imageCount: count, batch, places, unreadable: [] };
        done += count;
      }
    },
  };
}

/**
 * Returns `limit` of `count` indices at equal distances (default: all) in a fixed shuffled order, so that every class
 * of a sorted listing is represented at any time.
 */
export function chosenPlaces(count: number, limit = count): Int32Array {
  const chosen = Math.min(count, limit);
  const order = new RandomStream('evaluation').shuffle(chosen);
  return Int32Array.from(order, (index) => Math.floor((index * count) / chosen));
}

/** Images that a command evaluates. */
export interface EvaluatedImages {
  name: string;
  count: number;
  /**
   * Returns those of some places, 0 to `count` − 1. Pictures of archives come in the order in which they are stored.
   */
  choose(places: Int32Array): ImageSource;
}

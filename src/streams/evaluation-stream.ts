// Pictures of a source in order, as a network is evaluated on them. Unreadable ones are named and omitted.

import type { Framing } from '../data/framing.ts';
import { imageBatch } from '../data/prepare-image.ts';
import type { SourceBatch } from '../data/source-batch.ts';
import type { TestView } from '../data/test-view.ts';
import { indexTensor } from '../engine/create.ts';
import type { ImageSource } from './open-source.ts';
import { unreadablePlace } from './picture-view.ts';
import { StreamBatches } from './stream-batches.ts';

export interface EvaluationStreamOptions {
  /** Which pictures, in this order. */
  places: Int32Array;
  /** Side of the pictures in pixels. */
  size: number;
  /** How a picture becomes the network's input (model/preprocessing.ts). */
  preprocessing: Framing & TestView;
  batchSize: number;
  /** Threads that decode. */
  threads: number;
  /** The class of the network for each class of the source. Default: they are the same. */
  classOf?: readonly number[] | undefined;
}

/** Yields the pictures of a source from number `from` on, batch by batch. */
export async function* evaluationPictures(
  source: ImageSource,
  { places, size, preprocessing, batchSize, threads, classOf }: EvaluationStreamOptions,
  from = 0,
): AsyncGenerator<SourceBatch> {
  const { centralFraction, aspect, interpolation, decoder } = preprocessing;
  const view = { kind: 'evaluation', framing: { centralFraction, aspect, interpolation, decoder } } as const;
  const left = places.subarray(from);
  await using stream = new StreamBatches(source, { size, batchSize, view, seed: 0, threads, places: left });
  const bytes = 3 * size * size;
  for (let step = 0; step < stream.count; step++) {
    const shown = await stream.batch(0, step);
    const rows = [...shown.places.keys()].filter((place) => shown.places[place] !== unreadablePlace);
    const pixels = rows.map((place) => shown.pixels.subarray(place * bytes, (place + 1) * bytes));
    const labels = rows.map((place) => classOf?.[shown.labels[place]!] ?? shown.labels[place]!);
    yield {
      imageCount: shown.places.length,
      batch:
        rows.length === 0
          ? undefined
          : { images: imageBatch(pixels, [size, size], preprocessing), labels: indexTensor(labels) },
      places: rows.map((place) => from + step * batchSize + place),
      unreadable: shown.unreadable,
    };
  }
}

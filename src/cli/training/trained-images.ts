// The images of `nasnet train`: prepared in the cache as small squares, or streamed from where they are.

import { heldOutOf, type StreamPlace } from '../../children/streamed-images.ts';
import type { TrainingResources } from '../../children/training-job.ts';
import { type DatasetReference, readLabels, referenceTo } from '../../data/dataset-files.ts';
import { testImageNames } from '../../data/image-names.ts';
import { defaultValidation } from '../../data/split.ts';
import { InputError } from '../../failure.ts';
import { isArchive } from '../../streams/open-source.ts';
import { openTrainingSource } from '../../streams/training-source.ts';
import { whole } from '../../words.ts';
import { type DatasetFlags, prepareDataset } from '../flags/dataset-flags.ts';
import type { LiveBlock } from '../terminal/live-block.ts';

export interface TrainedImages {
  isStreamed: boolean;
  /** The dataset as a job names it. */
  reference: DatasetReference;
  classes: string[];
  /** The class of each image to train on or to hold out. */
  labels: ArrayLike<number>;
  /** Returns how many of so many are held out by default. */
  heldOutOf: (count: number) => number;
  /** Number of images to test on. */
  tested: number;
  /** Number of images that a GPU holds. */
  inMemory: number;
  /** Largest side of the images in pixels. */
  most: number;
  resources: Pick<TrainingResources, 'datasets' | 'streams'>;
  /** Returns the name of a test image. */
  nameOf: (place: number) => string;
}

/** Above this side, in pixels, a folder is streamed: a prepared square takes 28 KB, one of 224 pixels 151 KB. */
const mostPrepared = 96;

export interface StreamChoice {
  dataset: string;
  /** Side of the network's images in pixels, as far as it is stated. */
  side?: number | undefined;
  /** --stream and --no-stream. */
  stream?: boolean | undefined;
  /** Whether the recipe shows random parts of pictures. */
  showsParts: boolean;
}

/** Returns why the images are streamed; undefined: they are prepared. @throws InputError if --stream is impossible */
export function streamReason({ dataset, side, stream, showsParts }: StreamChoice): string | undefined {
  if (dataset === 'cifar10') {
    if (stream) throw new InputError('--stream: expected a folder or an archive of pictures, got cifar10');
    return undefined;
  }
  if (isArchive(dataset)) {
    if (stream === false)
      throw new InputError(`--no-stream: expected a folder with a sub-folder for each class, got ${dataset}`);
    return 'an archive or shards';
  }
  if (stream !== undefined) return stream ? '--stream' : undefined;
  if (showsParts) return 'the recipe shows random parts of them';
  return side !== undefined && side > mostPrepared ? `${side} pixels are more than ${mostPrepared}` : undefined;
}

/** Prepares the images in the cache. */
export async function preparedImages(flags: DatasetFlags, block: LiveBlock) {
  const files = await prepareDataset(flags, block);
  const images: TrainedImages = {
    isStreamed: false,
    reference: referenceTo(files),
    classes: files.classes,
    labels: readLabels(files.train),
    heldOutOf: (count) => defaultValidation({ ...files, train: { count } }),
    tested: files.test.count,
    inMemory: files.train.count,
    most: files.height,
    resources: { datasets: [files] },
    nameOf: testImageNames(files),
  };
  return { files, images };
}

/** Lists the pictures of a source, and says what it is and why it is streamed. */
export async function streamedImages(
  { dataset, test, devkit, reason }: { dataset: string; reason: string } & Pick<StreamPlace, 'test' | 'devkit'>,
  block: LiveBlock,
): Promise<TrainedImages> {
  const onListed = (count: number) => block.draw([`  listing ${dataset}: ${whole(count)} pictures`]);
  using source = await openTrainingSource(dataset, { test, devkit, onListed });
  block.draw([]);
  for (const remark of source.remarks) block.log(remark);
  block.log(`Pictures are streamed from there (${reason})`);
  const { name, content, path, classes, train, test: tested } = source;
  const names = Array.from(tested.places, (place) => tested.source.nameOf(place));
  return {
    isStreamed: true,
    reference: { name, content },
    classes: [...classes],
    labels: train.places.map((place) => train.source.label(place)),
    heldOutOf: (count) => heldOutOf(count, classes.length),
    tested: tested.places.length,
    inMemory: 0,
    most: Number.POSITIVE_INFINITY,
    resources: { datasets: [], streams: [{ name, content, path, test, devkit }] },
    nameOf: (place) => names[place]!,
  };
}

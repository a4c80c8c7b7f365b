// A dataset from images that a program holds or makes: arrays, or iterables read once and in order. It lies in the cache like any
// other, so that workers and later runs map it.

import { createHash, type Hash } from 'node:crypto';
import { InputError } from '../failure.ts';
import { cached, cacheRoot } from './cache.ts';
import { type DatasetFiles, type Description, imageBytes } from './dataset-files.ts';
import type { DatasetWriter } from './dataset-writer.ts';
import { planar } from './prepare-image.ts';
import type { OnProgress } from './progress.ts';

/** One image and its class. */
export interface LabelledPixels {
  /** Bytes red, green, blue of each pixel, row after row: [height, width, 3]. */
  pixels: Uint8Array | Uint8ClampedArray;
  /** The class by its place among the classes or by its name. */
  label: number | string;
}

type Images = Iterable<LabelledPixels> | AsyncIterable<LabelledPixels>;

/** Images, or a function that starts to read them: it is called once for each time they are read. */
export type ImageSupply = Images | (() => Images);

export interface GivenDataset {
  /** In words for reports, and the beginning of the files' names in the cache. */
  name: string;
  classes: readonly string[];
  /** Of every image, in pixels. */
  height: number;
  width: number;
  train: ImageSupply;
  /** Absent: every tenth image of each class of `train`; they are held in memory meanwhile. */
  test?: ImageSupply;
  /**
   * Another text whenever the images are others: nothing is then read of a dataset that lies in the cache already. Absent: all images
   * are read through once to be known by their content, and once more if they are new; iterators, which can be read once, need it.
   */
  version?: string;
}

/**
 * Writes images into the cache, unless they lie there, as a dataset that trainings take.
 * @throws InputError for an image of another size, a label that is no class, a class without a training image, an iterator without a
 * version; Failure where the cache cannot be written
 */
export async function datasetFrom(
  given: GivenDataset,
  { cache = cacheRoot(), onProgress = () => {} }: { cache?: string; onProgress?: OnProgress } = {},
): Promise<DatasetFiles> {
  const { name, classes, height, width } = given;
  const description: Description = {
    name,
    source: 'images given by a program',
    classes: [...classes],
    height: side(height, 'height'),
    width: side(width, 'width'),
    holdOut: 'stratified',
  };
  if (classes.length === 0 || new Set(classes).size < classes.length)
    throw new InputError(`classes: expected at least one, each once, got ${JSON.stringify(classes)}`);
  const key = await keyOf(given, description);
  const { files } = await cached(cache, key, onProgress, async (writer) => {
    await write(given, description, writer, (done) =>
      onProgress({ task: 'decode', subject: name, done, total: 0, unit: 'images' }),
    );
    return { description, skipped: [] };
  });
  return files;
}

function side(value: number, what: string): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new InputError(`${what}: expected a whole number of pixels, at least 1, got ${value}`);
}

async function keyOf({ name, train, test, version }: GivenDataset, description: Description): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([description, test === undefined, version ?? null]));
  if (version === undefined) {
    await hashAll(train, 'train', hash);
    if (test) await hashAll(test, 'test', hash);
  }
  const words = name.replace(/[^\w-]+/g, '_').slice(0, 40);
  return `${words}-${hash.digest('hex').slice(0, 16)}-${description.height}x${description.width}`;
}

async function hashAll(supply: ImageSupply, part: string, hash: Hash): Promise<void> {
  const images = opened(supply);
  if (images === supply && !Array.isArray(images) && isIterator(images))
    throw new InputError(
      `${part}: expected a version beside an iterator, which can be read once only; or give an array or a function that starts anew`,
    );
  for await (const { pixels, label } of images) hash.update(pixels).update(JSON.stringify(label));
  hash.update(part);
}

const opened = (supply: ImageSupply): Images => (typeof supply === 'function' ? supply() : supply);

/** Iterators return themselves, and are used up afterwards; collections return a fresh one. */
const isIterator = (images: Images): boolean => 'next' in images;

/** Images between two signs of progress. */
const imagesPerSign = 1000;

async function write(
  { classes, train, test }: GivenDataset,
  description: Description,
  writer: DatasetWriter,
  onDone: (images: number) => void,
): Promise<void> {
  const seen = { train: classes.map(() => 0), test: classes.map(() => 0) };
  const later: { pixels: Uint8Array; label: number }[] = [];
  let done = 0;
  const add = async (part: 'train' | 'test', pixels: Uint8Array, label: number) => {
    seen[part][label]! += 1;
    await writer.add(part, pixels, [label]);
    if (++done % imagesPerSign === 0) onDone(done);
  };
  let place = 0;
  for await (const image of opened(train)) {
    const { pixels, label } = checked(image, description, `train image ${place++}`);
    const isTest = test === undefined && (seen.train[label]! + seen.test[label]!) % 10 === 9;
    if (!isTest) await add('train', pixels, label);
    else {
      seen.test[label]! += 1;
      later.push({ pixels, label });
    }
  }
  const empty = seen.train.findIndex((count) => count < 2);
  if (empty >= 0) {
    const found = `${seen.train[empty]}`;
    throw new InputError(`train: expected at least 2 images of the class "${classes[empty]}", got ${found}`);
  }
  for (const { pixels, label } of later) await writer.add('test', pixels, [label]);
  place = 0;
  for await (const image of test ? opened(test) : []) {
    const { pixels, label } = checked(image, description, `test image ${place++}`);
    await add('test', pixels, label);
  }
  if (later.length + place === 0)
    throw new InputError(
      'test: expected at least one image, got none; without test images every tenth of a class is one',
    );
  onDone(done);
}

/** The pixels plane by plane, the class as its place. */
function checked({ pixels, label }: LabelledPixels, description: Description, where: string) {
  const { classes, height, width } = description;
  if (pixels?.length !== imageBytes(description))
    throw new InputError(
      `${where}: expected ${imageBytes(description)} bytes, ${height} × ${width} pixels of red, green and blue, got ${pixels?.length ?? 'none'}`,
    );
  const place = typeof label === 'string' ? classes.indexOf(label) : label;
  if (!Number.isInteger(place) || place < 0 || place >= classes.length)
    throw new InputError(
      `${where}: expected a class, a number from 0 to ${classes.length - 1} or its name, got ${JSON.stringify(label)}`,
    );
  return { pixels: planar(pixels as Uint8Array), label: place };
}

// Creates a dataset from images of a program: arrays, or iterables that are read in order. It is stored in the cache
// like any other dataset.

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
  /** The class, by index or name. */
  label: number | string;
}

type Images = Iterable<LabelledPixels> | AsyncIterable<LabelledPixels>;

/** Images, or a function that returns them each time they are read. */
export type ImageSupply = Images | (() => Images);

export interface CustomDataset {
  /** Name for reports, and prefix of the files in the cache. */
  name: string;
  classes: readonly string[];
  /** Size of every image in pixels. */
  height: number;
  width: number;
  train: ImageSupply;
  /** Absent: every tenth image of each class of `train`; these are held in memory during preparation. */
  test?: ImageSupply;
  /**
   * Version of the images, different for different images. With it a cached dataset is used without reading the images.
   * Absent: all images are read once to hash their content, and again if they are new; iterators, which can be read
   * only once, need it.
   */
  version?: string;
}

/**
 * Writes images to the cache, unless they are there, and returns the dataset.
 * @throws InputError for an image of another size, a label that is not a class, a class without a training image, an
 * iterator without a version; Failure if the cache cannot be written
 */
export async function datasetFrom(
  custom: CustomDataset,
  { cache = cacheRoot(), onProgress = () => {} }: { cache?: string; onProgress?: OnProgress } = {},
): Promise<DatasetFiles> {
  const { name, classes, height, width } = custom;
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
  const key = await keyOf(custom, description);
  const { files } = await cached(cache, key, onProgress, async (writer) => {
    await write(custom, description, writer, (done) =>
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

async function keyOf({ name, train, test, version }: CustomDataset, description: Description): Promise<string> {
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
      `${part}: expected a version with an iterator, which can be read only once; or an array, or a function that returns a new iterator`,
    );
  for await (const { pixels, label } of images) hash.update(pixels).update(JSON.stringify(label));
  hash.update(part);
}

const opened = (supply: ImageSupply): Images => (typeof supply === 'function' ? supply() : supply);

/** Whether images are an iterator, which can be read only once. */
const isIterator = (images: Images): boolean => 'next' in images;

/** Images between two progress reports. */
const imagesPerReport = 1000;

async function write(
  { classes, train, test }: CustomDataset,
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
    if (++done % imagesPerReport === 0) onDone(done);
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

/** Returns planar pixels and the class index. */
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

// Prepares a folder of images as a dataset: they are decoded, rotated upright, cropped and resized once, and stored in
// the cache. image-listing.ts lists the files.

import { createHash } from 'node:crypto';
import { basename, join, relative, resolve, sep } from 'node:path';
import { InputError } from '../failure.ts';
import { hashOfFile } from '../file-hash.ts';
import { visible } from '../visible.ts';
import { cached, cacheRoot, type Prepared } from './cache.ts';
import type { DatasetFiles } from './dataset-files.ts';
import type { DatasetWriter } from './dataset-writer.ts';
import { ContentRecord } from './folder-content.ts';
import { datasetFraming } from './framing.ts';
import { readHead } from './image-formats.ts';
import { type ListedImage, type Listing, layoutLines, listImages, requireEnough } from './image-listing.ts';
import { openImage, planar, prepareImage, unreadable } from './prepare-image.ts';
import type { OnProgress } from './progress.ts';

export interface ImageFolderOptions {
  /** Height and width of the stored images in pixels. */
  size: number;
  /** `area`, as in the test view of single files; `lanczos`, as up to nasnet 0.1.0, for older studies. */
  filter?: FolderFilter;
  cache?: string;
  onProgress?: OnProgress;
  /** Called before decoding with a description of the folder: its classes, parts and omitted files. */
  onLayout?: (lines: string[]) => void;
  /** Called with unreadable images, "path (reason)", also with those of an earlier preparation. */
  onSkipped?: (skipped: string[]) => void;
}

export type FolderFilter = 'area' | 'lanczos';

const sizes = { least: 8, most: 1024 };
const imagesAtOnce = 64;

/**
 * Prepares the images of a folder (layout: see listImages) at size × size pixels: EXIF orientation applied,
 * transparency on white, grey and CMYK converted to sRGB, the first frame of an animation, the central square.
 * Unreadable images are omitted and reported.
 * @throws InputError that names an invalid folder or class
 */
export async function prepareImageFolder(folder: string, options: ImageFolderOptions): Promise<DatasetFiles> {
  const { size, filter = 'area', cache = cacheRoot(), onProgress = () => {} } = options;
  if (!Number.isInteger(size) || size < sizes.least || size > sizes.most) {
    throw new InputError(`size: expected a whole number from ${sizes.least} to ${sizes.most} pixels, got ${size}`, {
      code: 'image-size',
    });
  }
  const root = resolve(folder);
  const listing = listImages(root);
  options.onLayout?.(layoutLines(root, listing));
  const key = keyOf(root, listing, size, filter);
  const prepare = async (writer: DatasetWriter) => {
    const decode = (path: string) => decoders[filter](path, size);
    const left = await decodeAll(root, listing, decode, writer, onProgress);
    const description = {
      name: basename(root),
      source: root,
      classes: listing.classes,
      height: size,
      width: size,
      holdOut: 'stratified' as const,
    };
    return { description, ...left };
  };
  const isStale = ({ again = [], classContents }: Prepared) =>
    classContents === undefined || again.some((path) => isReadable(join(root, path))); // older entries have none
  const { files, skipped } = await cached(cache, key, onProgress, prepare, isStale);
  if (skipped.length > 0) options.onSkipped?.(skipped);
  return files;
}

function isReadable(path: string): boolean {
  try {
    return readHead(path).length > 0;
  } catch {
    return false;
  }
}

/** Returns a sentence about the skipped images, with the first few names. */
export function skippedSentence(skipped: string[]): string {
  const named = skipped.slice(0, 5).join(', ');
  const more = skipped.length > 5 ? ` and ${skipped.length - 5} more` : '';
  return `${skipped.length} ${skipped.length === 1 ? 'image' : 'images'} could not be read: ${named}${more}`;
}

/** Returns the cache key, which changes when a file is added, removed, renamed, resized or written. */
function keyOf(root: string, listing: Listing, size: number, filter: FolderFilter): string {
  const hash = createHash('sha256').update(JSON.stringify([root, listing.classes, listing.testFolder]));
  const below = root.endsWith(sep) ? root.length : root.length + 1;
  for (const part of [listing.train, listing.test])
    for (const { path, label, bytes, modified } of part)
      hash.update(JSON.stringify([path.slice(below), label, bytes, modified]));
  const name = basename(root)
    .replace(/[^\w-]+/g, '_')
    .slice(0, 40);
  return `${name}-${hash.digest('hex').slice(0, 16)}-${size}${filter === 'area' ? '-area' : ''}`;
}

async function decodeAll(
  root: string,
  listing: Listing,
  decode: (path: string) => Promise<Uint8Array>,
  writer: DatasetWriter,
  onProgress: OnProgress,
): Promise<Omit<Prepared, 'files'>> {
  const skipped: string[] = [];
  const again: string[] = [];
  const record = new ContentRecord(listing.classes);
  const read = async ({ path }: ListedImage) => ({ pixels: await decode(path), hash: hashOfFile(path) });
  const total = listing.train.length + listing.test.length;
  let done = 0;
  const decodePart = async (part: 'train' | 'test') => {
    const readable: ListedImage[] = [];
    for (let first = 0; first < listing[part].length; first += imagesAtOnce) {
      const images = listing[part].slice(first, first + imagesAtOnce);
      const found = await Promise.all(images.map((image) => read(image).catch((error: Error) => error)));
      for (const [index, image] of images.entries()) {
        const decoded = found[index]!;
        const path = relative(root, image.path);
        if (decoded instanceof Error) {
          skipped.push(`${visible(path)} (${reasonOf(decoded, image.path)})`);
          if ((decoded as InputError).code === 'unreadable-now') again.push(path);
        } else {
          readable.push(image);
          record.add(image.label, part, withoutClass(path, listing.layout.train[0] === root), decoded.hash);
          await writer.add(part, decoded.pixels, [image.label]);
        }
      }
      done += images.length;
      onProgress({ task: 'decode', subject: basename(root), done, total, unit: 'images' });
    }
    return readable;
  };
  const train = await decodePart('train');
  const test = await decodePart('test');
  try {
    requireEnough(root, listing, train, test);
  } catch (error) {
    throw skipped.length > 0 ? new InputError(`${(error as Error).message}; ${skippedSentence(skipped)}`) : error;
  }
  return { skipped, ...(again.length > 0 && { again }), classContents: record.content() };
}

/** Returns `cat/3.png` as `3.png`, `train/cat/3.png` as `train/3.png`. */
function withoutClass(path: string, flat: boolean): string {
  const parts = path.split(sep);
  parts.splice(flat ? 0 : 1, 1);
  return parts.join('/');
}

/** Decodes an image to planar bytes [3, size, size]. @throws the decoder's error */
export async function decodeImage(path: string, size: number): Promise<Uint8Array> {
  return planar(await prepareImage(path, datasetFraming, [size, size]));
}

async function decodeByLanczos(path: string, size: number): Promise<Uint8Array> {
  try {
    const { image } = await openImage(path);
    const square = image.resize(size, size, { fit: 'cover', position: 'centre' });
    const interleaved = await square.raw({ depth: 'uchar' }).toBuffer();
    if (interleaved.length !== 3 * size * size) throw new Error(`${interleaved.length} bytes`);
    return planar(interleaved);
  } catch (error) {
    throw unreadable(error as Error, path);
  }
}

const decoders: Record<FolderFilter, typeof decodeImage> = { area: decodeImage, lanczos: decodeByLanczos };

const reasonOf = ({ message }: Error, path: string) =>
  message.replace(`${visible(path)}: expected an image, got `, '').split('\n')[0]!;

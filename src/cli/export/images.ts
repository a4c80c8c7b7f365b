// Real images for an exported network: preprocessed ones to compare logits, and small pictures for the page.

import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { imageFilesBelow } from '../../data/image-files.ts';
import { imageBatch, openImage } from '../../data/prepare-image.ts';
import { readAhead } from '../../data/read-ahead.ts';
import type { Tensor } from '../../engine/tensor.ts';
import type { ExamplePicture } from '../../export/html/export-html.ts';
import { InputError } from '../../failure.ts';
import type { ModelDescription } from '../../model/model-description.ts';
import type { LiveBlock } from '../terminal/live-block.ts';

const compared = 16;
const offered = 6;
/** Pixels of a picture that the page offers, at most, along a side. */
export const offeredSide = 512;

/**
 * Returns float32 [images, 3, height, width] of images below a folder, evenly spaced over their sorted names.
 * Unreadable images are reported on stderr.
 * @throws InputError for a folder without a readable image
 */
export async function realImages(folder: string, description: ModelDescription, block: LiveBlock): Promise<Tensor> {
  const { preprocessing, network } = description;
  const files = spreadImages(folder, compared).map((path) => ({ path }));
  const pixels: Uint8Array[] = [];
  for await (const batch of readAhead(files, preprocessing, network.input, files.length)) {
    pixels.push(...batch.pixels);
    for (const sentence of batch.unreadable) block.log(sentence);
  }
  if (pixels.length === 0)
    throw new InputError(`--images: expected images below ${folder}, found none that can be read`);
  return imageBatch(pixels, network.input, preprocessing);
}

/**
 * Returns a few pictures for the page, with at most `side` pixels along a side; unreadable ones, which realImages
 * reports, are omitted.
 */
export async function examplePictures(folder: string, side = offeredSide): Promise<ExamplePicture[]> {
  const files = spreadImages(folder, offered);
  const pictures = files.map(async (path): Promise<ExamplePicture[]> => {
    const { image, width, height } = await openImage(path);
    const small = image.resize(side, side, { fit: 'inside', withoutEnlargement: true });
    const pixelExact = Math.max(width, height) <= 128; // JPEG artifacts would be visible in a thumbnail
    const encoded = pixelExact ? small.png() : small.jpeg({ quality: 88 });
    return [{ name: basename(path), type: pixelExact ? 'image/png' : 'image/jpeg', bytes: await encoded.toBuffer() }];
  });
  return (await Promise.all(pictures.map((each) => each.catch(() => [])))).flat();
}

/**
 * Returns paths of images below a folder, evenly spaced over their sorted names. @throws InputError if it is no folder
 */
export const spreadImages = (folder: string, count: number): string[] => evenly(imageFiles(folder), count);

function imageFiles(folder: string): string[] {
  try {
    if (!statSync(folder).isDirectory()) throw new Error(`a file (${folder})`);
  } catch (error) {
    throw new InputError(`--images: expected a folder, got ${(error as Error).message}`);
  }
  return imageFilesBelow(folder).map(({ path }) => path);
}

function evenly<Each>(all: Each[], count: number): Each[] {
  if (all.length <= count) return all;
  return Array.from({ length: count }, (_, index) => all[Math.floor((index * all.length) / count)]!);
}

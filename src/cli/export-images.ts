// Real images to compare an exported network on: some of a folder, prepared as the network takes them.

import { type Dirent, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { extensions } from '../data/image-listing.ts';
import { imageBatch } from '../data/prepare-image.ts';
import { readAhead } from '../data/read-ahead.ts';
import type { Tensor } from '../engine/tensor.ts';
import { InputError } from '../failure.ts';
import type { ModelDescription } from '../model/model-description.ts';
import type { LiveBlock } from './live-block.ts';

const most = 16;

/**
 * float32 [images, 3, height, width]: images of a folder and the folders below, evenly over their sorted names.
 * Those that cannot be read are named on stderr.
 * @throws InputError for a folder without a readable image
 */
export async function realImages(folder: string, description: ModelDescription, block: LiveBlock): Promise<Tensor> {
  const { preprocessing, network } = description;
  const files = evenly(imageFiles(folder), most).map((path) => ({ path }));
  const pixels: Uint8Array[] = [];
  for await (const batch of readAhead(files, preprocessing, network.input, files.length)) {
    pixels.push(...batch.pixels);
    for (const sentence of batch.unreadable) block.log(sentence);
  }
  if (pixels.length === 0)
    throw new InputError(`--images: expected images below ${folder}, found none that can be read`);
  return imageBatch(pixels, network.input, preprocessing);
}

function imageFiles(folder: string): string[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  } catch (error) {
    throw new InputError(`--images: expected a folder, got ${(error as Error).message}`);
  }
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return paths.filter((path) => extensions.some((ending) => path.toLowerCase().endsWith(ending))).sort();
}

function evenly<Each>(all: Each[], count: number): Each[] {
  if (all.length <= count) return all;
  return Array.from({ length: count }, (_, index) => all[Math.floor((index * all.length) / count)]!);
}

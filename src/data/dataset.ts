// A dataset as tensors, mapped from the cache: nothing is read before it is used, and all workers share the same pages.

import { mapFile } from '../engine/create.ts';
import { keep } from '../engine/memory.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { DatasetFiles, DatasetPart } from './dataset-files.ts';
import type { OnProgress } from './progress.ts';
import { atResolution } from './resolution.ts';

/** Images uint8 [count, 3, height, width] and their labels int64 [count]. Meant for reading. */
export interface LabelledImages {
  images: Tensor;
  labels: Tensor;
}

export interface Dataset {
  name: string;
  classes: string[];
  height: number;
  width: number;
  train: LabelledImages;
  test: LabelledImages;
}

/**
 * Maps a dataset's files. With a `resolution` smaller than the stored images' it maps a copy shrunk by area averaging, which is
 * made in the cache the first time (CIFAR-10 to 16 × 16: about a second). The tensors belong to no scope.
 */
export async function openDataset(
  files: DatasetFiles,
  options: { resolution?: number | undefined; onProgress?: OnProgress } = {},
): Promise<Dataset> {
  const opened = await atResolution(files, options.resolution ?? files.height, options.onProgress);
  const { name, classes, height, width } = opened;
  const map = ({ path, count, images, labels }: DatasetPart): LabelledImages => ({
    images: keep(mapFile(path, 'uint8', [count, 3, height, width], images)),
    labels: keep(mapFile(path, 'int64', [count], labels)),
  });
  return { name, classes, height, width, train: map(opened.train), test: map(opened.test) };
}

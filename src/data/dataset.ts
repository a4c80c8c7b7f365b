// Opens a dataset as tensors that are memory-mapped from the cache: pages are read when they are used, and shared by
// all workers.

import { mapFile } from '../engine/create.ts';
import { keep } from '../engine/memory.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { DatasetFiles, DatasetPart } from './dataset-files.ts';
import type { OnProgress } from './progress.ts';
import { atResolution } from './resolution.ts';

/** Images uint8 [count, 3, height, width] and labels int64 [count]. Read-only. */
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
 * Maps a dataset's files. If `resolution` is smaller than the stored images, it maps a copy, averaged down, which is
 * created in the cache the first time (CIFAR-10 to 16 × 16: about a second). The tensors belong to no scope.
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

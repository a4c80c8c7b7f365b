// The images of a training as whoever trains opens them: mapped, divided, their whitening measured, on the device of the network.

import type { Augmentation } from './augmentations.ts';
import { TrainingBatches } from './batches.ts';
import { type Dataset, openDataset } from './dataset.ts';
import type { DatasetFiles } from './dataset-files.ts';
import { imagesOn } from './device-images.ts';
import { type Split, type SplitOptions, split } from './split.ts';
import { measureWhitening, type Whitening } from './whitening.ts';

export interface TrainingImages {
  /** Its training images are on the device; its test images are where they were mapped. */
  dataset: Dataset;
  parts: Split;
  /** Of the images that are trained on. */
  whitening: Whitening;
}

/** @param options.resolution side of the images in pixels; smaller than stored, they are averaged down */
export async function openTrainingImages(
  files: DatasetFiles,
  { resolution, device, ...division }: SplitOptions & { resolution: number; device: string },
): Promise<TrainingImages> {
  const dataset = await openDataset(files, { resolution });
  const parts = split(files, division);
  const whitening = measureWhitening(dataset.train.images, parts.train);
  return { dataset: { ...dataset, train: imagesOn(device, dataset.train) }, parts, whitening };
}

/** @param seed of the order of the images and of their augmentation */
export function trainingBatches(
  { dataset, parts, whitening }: TrainingImages,
  recipe: Augmentation & { batchSize: number },
  seed: number | string,
): TrainingBatches {
  const { batchSize } = recipe;
  return new TrainingBatches({
    from: dataset.train,
    indices: parts.train,
    whitening,
    batchSize,
    seed,
    augmentation: recipe,
  });
}

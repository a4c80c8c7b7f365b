// Opens the images of a training: maps and splits them, measures their whitening and copies them to the network's
// device.

import { type AugmentationByLength, augmentationOf } from './augmentations.ts';
import type { BatchPart } from './batch-part.ts';
import { TrainingBatches } from './batches.ts';
import { type Dataset, openDataset } from './dataset.ts';
import type { DatasetFiles } from './dataset-files.ts';
import { imagesOn } from './device-images.ts';
import { type Split, type SplitOptions, split } from './split.ts';
import { measureWhitening, type Whitening } from './whitening.ts';

export interface TrainingImages {
  /** Training images are on the device, test images in mapped memory. */
  dataset: Dataset;
  parts: Split;
  /** Whitening of the training images. */
  whitening: Whitening;
}

/**
 * Opens, splits and whitens the images.
 * @param options.resolution side of the images in pixels; larger stored images are averaged down
 */
export async function openTrainingImages(
  files: DatasetFiles,
  { resolution, device, ...division }: SplitOptions & { resolution: number; device: string },
): Promise<TrainingImages> {
  const dataset = await openDataset(files, { resolution });
  const parts = split(files, division);
  const whitening = measureWhitening(dataset.train.images, parts.train);
  return { dataset: { ...dataset, train: imagesOn(device, dataset.train) }, parts, whitening };
}

/**
 * Returns the batches of a training.
 * @param seed seed of the order of the images and of their augmentation
 * @param part the part of every batch that is shown
 */
export function trainingBatches(
  { dataset, parts, whitening }: TrainingImages,
  recipe: AugmentationByLength & { batchSize: number; balance?: 'weights' | 'sampling' },
  seed: number | string,
  part?: BatchPart,
): TrainingBatches {
  const { batchSize } = recipe;
  return new TrainingBatches({
    from: dataset.train,
    indices: parts.train,
    whitening,
    batchSize,
    seed,
    augmentation: augmentationOf(recipe),
    balanced: recipe.balance === 'sampling',
    part,
  });
}

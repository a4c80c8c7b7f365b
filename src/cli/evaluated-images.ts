// The images that a network is evaluated on, as an argument and flags name them: CIFAR-10's test images, class folders
// or images with a file of labels, archives and shards, or the test images of what the network was trained on.

import { basename, resolve } from 'node:path';
import { classes as cifar10Classes } from '../data/cifar10-files.ts';
import { fewNames, type LabelOrder } from '../data/class-names.ts';
import { openDataset } from '../data/dataset.ts';
import { visibleFolders } from '../data/image-files.ts';
import { testImageNames } from '../data/image-names.ts';
import { findLabelledImages } from '../data/labelled-images.ts';
import { InputError } from '../failure.ts';
import type { ModelDescription } from '../model/model-file.ts';
import { isArchive } from '../streams/open-source.ts';
import { datasetSource, type EvaluatedImages, fileSource } from '../train/image-source.ts';
import { prepareDataset, requireCifar10Data } from './flags/dataset-flags.ts';
import { streamedPictures, wasStreamed, wasTrainedOn } from './streamed-evaluation.ts';
import type { LiveBlock } from './terminal/live-block.ts';

export interface EvaluatedImagesFlags {
  dataset?: string;
  data?: string;
  devkit?: string;
  labels?: string;
  labelOrder?: LabelOrder;
  threads: number;
}

/**
 * Finds the images that an argument and flags name: by default CIFAR-10's, for its classes.
 * @throws InputError if they are inconsistent, or not of the network's classes or size
 */
export async function findEvaluatedImages(
  path: string,
  description: ModelDescription,
  images: string | undefined,
  batchSize: number,
  flags: EvaluatedImagesFlags,
  block: LiveBlock,
): Promise<EvaluatedImages> {
  if (images !== undefined && flags.dataset !== undefined) {
    throw new InputError(`--dataset: expected it or a folder of images, got both (${images} and ${flags.dataset})`);
  }
  if (flags.labelOrder !== undefined && flags.labels === undefined) {
    throw new InputError('--label-order: expected --labels with it, got none');
  }
  const { classes, network, preprocessing } = description;
  const named = images ?? flags.dataset;
  requireCifar10Data({ dataset: named ?? 'cifar10', data: flags.data });
  if (flags.labels === undefined && named !== undefined && isStreamedFor(named, description, flags)) {
    const { threads, devkit } = flags;
    const pictures = await streamedPictures(path, named, description, { devkit, batchSize, threads }, block);
    return { name: named, ...pictures };
  }
  const learned = images !== undefined && flags.labels === undefined && isTrainingFolder(images, description);
  if (learned) block.log(`${images}: the network was trained on this folder, so its test images are used`);
  const dataset =
    flags.dataset ?? (learned ? images : images === undefined || images === 'cifar10' ? 'cifar10' : undefined);
  if (dataset === undefined) {
    const { folder, images: found, omitted } = findLabelledImages(images!, classes, flags);
    if (omitted.counts.size > 0) block.log(`${folder}: omitted ${omitted.words()}`);
    return {
      name: folder,
      count: found.length,
      choose: (places) => {
        const chosen = Array.from(places, (place) => found[place]!);
        return fileSource(chosen, preprocessing, network.input, batchSize);
      },
    };
  }
  if (flags.labels !== undefined) throw new InputError('--labels: expected a folder of images with it, got none');
  if (dataset === 'cifar10')
    requireClasses(path, classes, cifar10Classes, "CIFAR-10's classes; for others give a folder of images");
  const [resolution, width] = network.input;
  if (width !== resolution)
    throw new InputError(`${path}: expected a square input for ${dataset}, got ${resolution} × ${width}`);
  const files = await prepareDataset({ dataset, data: flags.data, size: resolution }, block);
  requireClasses(path, classes, files.classes, `the classes of ${dataset} (${fewNames(files.classes)})`);
  const { test } = await openDataset(files, { resolution });
  const shown = { view: preprocessing, batchSize, imageName: testImageNames(files) };
  const choose = (places: Int32Array) => datasetSource(test, files.train.path, places, shown);
  return { name: dataset, count: files.test.count, choose };
}

/** Whether pictures are streamed: archives and shards, and folders for a network that was trained in this way. */
const isStreamedFor = (path: string, description: ModelDescription, { dataset }: EvaluatedImagesFlags): boolean =>
  path !== 'cifar10' &&
  (isArchive(path) || (wasStreamed(description) && (dataset !== undefined || isTrainingFolder(path, description))));

/**
 * Whether a folder has the name and the classes of the network's training folder, most of whose images it was trained
 * on.
 */
function isTrainingFolder(folder: string, description: ModelDescription): boolean {
  if (!wasTrainedOn(description, basename(resolve(folder)))) return false;
  return visibleFolders(folder).sort().join('\n') === description.classes.join('\n');
}

function requireClasses(path: string, got: string[], wanted: readonly string[], words: string): void {
  if (got.join('\n') !== wanted.join('\n')) throw new InputError(`${path}: expected ${words}, got ${fewNames(got)}`);
}

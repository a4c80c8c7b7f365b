// The images of a study, to resume it or to train one of its cells.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { DatasetFiles } from '../../data/dataset-files.ts';
import { requireSameImages } from '../../experiment/same-images.ts';
import { InputError } from '../../failure.ts';
import type { PlanOptions } from '../../plan/plan.ts';
import { shellPath } from '../../shell-path.ts';
import { finalTraining } from '../../study/final-training.ts';
import { openSearch } from '../../study/parse-settings.ts';
import type { StudyRecords } from '../../study/records.ts';
import type { SearchSettings } from '../../study/settings.ts';
import { type TrainedNetwork, usedOptions } from '../../study/training-plan.ts';

/** Returns `cifar10`, or a folder: as it was typed, or its absolute path if that does not exist here. */
export function datasetOf(study: StudyRecords & { settings: SearchSettings }): string {
  const { dataset } = study.settings;
  if (dataset === 'cifar10' || existsSync(dataset)) return dataset;
  return study.result('dataset')?.source ?? dataset;
}

export interface StudyImages {
  dataset: string;
  size?: number;
  /** Compares prepared images with the study's. @throws InputError if they differ */
  requireSame: (files: DatasetFiles) => void;
}

/** Returns the images of a study; undefined for studies with an evaluator. */
export function imagesOfStudy(path: string): StudyImages | undefined {
  using study = openSearch(path, { readOnly: true });
  const { evaluator, size } = study.settings;
  if (evaluator) return undefined;
  const dataset = datasetOf(study);
  const requireSame = (files: DatasetFiles) => {
    using reopened = openSearch(path, { readOnly: true });
    requireSameImages(reopened, files, `name the images with --dataset ${shellPath(dataset)}`);
  };
  return { dataset, ...(size !== undefined && { size }), requireSame };
}

/** Returns the network that a study builds from its best cell: without its classes, and as options with them. */
export function finalNetworkOf(path: string): { network: TrainedNetwork; options: PlanOptions } {
  if (!existsSync(path)) throw new InputError(`${path}: expected a study, got no such file`);
  using study = openSearch(path, { readOnly: true });
  const { recipe: _, trainingImages: __, ...network } = finalTraining(study);
  return { network, options: usedOptions(network, study.result('dataset')?.classes.length ?? 10) };
}

export const isSameDataset = (one: string, other: string): boolean =>
  one === other || (one !== 'cifar10' && other !== 'cifar10' && resolve(one) === resolve(other));

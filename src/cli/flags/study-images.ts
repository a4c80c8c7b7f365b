// The images of a study, to resume it or to train one of its cells.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { openSearch } from '../../study/parse-settings.ts';
import type { StudyRecords } from '../../study/records.ts';
import type { SearchSettings } from '../../study/settings.ts';

/** Returns `cifar10`, or a folder: as it was typed, or its absolute path if that does not exist here. */
export function datasetOf(study: StudyRecords & { settings: SearchSettings }): string {
  const { dataset } = study.settings;
  if (dataset === 'cifar10' || existsSync(dataset)) return dataset;
  return study.result('dataset')?.source ?? dataset;
}

/** Returns the images of a study; undefined for studies with an evaluator. */
export function imagesOfStudy(path: string): { dataset: string; size?: number } | undefined {
  using study = openSearch(path, { readOnly: true });
  const { evaluator, size } = study.settings;
  return evaluator ? undefined : { dataset: datasetOf(study), ...(size !== undefined && { size }) };
}

export const isSameDataset = (one: string, other: string): boolean =>
  one === other || (one !== 'cifar10' && other !== 'cifar10' && resolve(one) === resolve(other));

// The default study of `nasnet search`, one for each dataset.

import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { openSearch } from '../../study/parse-settings.ts';
import { presets } from '../../study/presets.ts';
import { isSameDataset } from '../flags/study-images.ts';

export const defaultPreset = 'laptop';

interface Named {
  preset: string;
  /** `cifar10` or a folder. */
  dataset: string;
}

/**
 * Returns runs/PRESET/study.db, or runs/FOLDER/study.db for a folder; a folder's study of 0.1.0 at runs/PRESET/study.db
 * is resumed.
 */
export function defaultStudy(search: Named): string {
  const own = studyIn(nameOf(search));
  const before = studyIn(search.preset);
  return !existsSync(own) && existsSync(before) && isOf(before, search.dataset) ? before : own;
}

const studyIn = (name: string) => join('runs', name, 'study.db');

/** Returns a default study for another seed. */
export const anotherStudy = (search: Named, seed: number): string => studyIn(`${nameOf(search)}-seed-${seed}`);

function nameOf({ preset, dataset }: Named): string {
  if (dataset === 'cifar10') return preset;
  const folder = basename(resolve(dataset)) || 'images';
  const isTaken = Object.hasOwn(presets, folder) || folder === 'evaluator';
  return `${folder}${isTaken ? '-images' : ''}${preset === defaultPreset ? '' : `-${preset}`}`;
}

/** Whether a study has this dataset; false if it cannot be read, which is reported when it is opened. */
function isOf(path: string, dataset: string): boolean {
  try {
    using study = openSearch(path, { readOnly: true });
    return isSameDataset(study.settings.dataset, dataset);
  } catch {
    return false;
  }
}

// The study that `nasnet search` works on where none is named: every dataset has its own.

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

/** runs/PRESET/study.db, and runs/FOLDER/study.db of a folder; one that 0.1.0 began there as runs/PRESET/study.db goes on. */
export function defaultStudy(search: Named): string {
  const own = studyIn(nameOf(search));
  const before = studyIn(search.preset);
  return !existsSync(own) && existsSync(before) && isOf(before, search.dataset) ? before : own;
}

const studyIn = (name: string) => join('runs', name, 'study.db');

/** Where a search of another seed has room. */
export const anotherStudy = (search: Named, seed: number): string => studyIn(`${nameOf(search)}-seed-${seed}`);

function nameOf({ preset, dataset }: Named): string {
  if (dataset === 'cifar10') return preset;
  const folder = basename(resolve(dataset)) || 'images';
  const isTaken = Object.hasOwn(presets, folder) || folder === 'evaluator';
  return `${folder}${isTaken ? '-images' : ''}${preset === defaultPreset ? '' : `-${preset}`}`;
}

/** false also for what cannot be read: whoever names it is told why. */
function isOf(path: string, dataset: string): boolean {
  try {
    using study = openSearch(path, { readOnly: true });
    return isSameDataset(study.settings.dataset, dataset);
  } catch {
    return false;
  }
}

// How many trials a search makes: as many as it was started with, or as many as it was told to go on to since.

import type { StudyRecords } from './records.ts';
import type { SearchSettings } from './settings.ts';
import type { Study } from './study.ts';

/** The target number of trials, those included that exist already. */
export function targetOf(study: StudyRecords & { settings: Pick<SearchSettings, 'trials'> }): number {
  return Math.max(study.result('target') ?? study.settings.trials, study.asked);
}

/** Takes another target where one is asked for. Returns the one that holds. */
export function aimAt(study: Study<SearchSettings>, trials: number | undefined): number {
  if (trials !== undefined && trials !== targetOf(study)) study.keep('target', trials);
  return trials ?? targetOf(study);
}

// How many trials a search makes: as many as it was started with, or as many as it was told to go on to since.

import type { StudyRecords } from './records.ts';
import type { SearchSettings } from './settings.ts';
import type { Study } from './study.ts';

/** The target number of trials, those included that exist already. */
export function targetOf(study: StudyRecords & { settings: Pick<SearchSettings, 'trials'> }): number {
  const planned = study.result('budget decisions')?.trials ?? study.settings.trials;
  return Math.max(study.result('target') ?? planned, study.asked);
}

/** The target that holds whatever a budget allows; undefined in a search whose budget decides. */
export function fixedTarget(study: Study<SearchSettings>, asked: number | undefined): number | undefined {
  if (!study.settings.budget) return asked ?? targetOf(study);
  return asked ?? (study.result('target') === undefined ? undefined : targetOf(study));
}

/** Takes another target where one is asked for. Returns the one that holds. */
export function aimAt(study: Study<SearchSettings>, trials: number | undefined): number {
  if (trials !== undefined && trials !== targetOf(study)) study.keep('target', trials);
  return trials ?? targetOf(study);
}

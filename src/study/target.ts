// The target number of trials of a search: that of its settings, or a later one from the command line.

import type { StudyRecords } from './records.ts';
import type { SearchSettings } from './settings.ts';
import type { Study } from './study.ts';

/** Returns the target number of trials, including existing ones. */
export function targetOf(study: StudyRecords & { settings: Pick<SearchSettings, 'trials'> }): number {
  const planned = study.result('budget decisions')?.trials ?? study.settings.trials;
  return Math.max(study.result('target') ?? planned, study.asked);
}

/**
 * Returns the target if it does not depend on the budget; undefined if the budget determines it.
 * @param asked the requested target
 */
export function fixedTarget(study: Study<SearchSettings>, asked: number | undefined): number | undefined {
  if (!study.settings.budget) return asked ?? targetOf(study);
  return asked ?? (study.result('target') === undefined ? undefined : targetOf(study));
}

/** Changes the target if one is requested. Returns the current target. */
export function aimAt(study: Study<SearchSettings>, trials: number | undefined): number {
  if (trials !== undefined && trials !== targetOf(study)) study.keep('target', trials);
  return trials ?? targetOf(study);
}

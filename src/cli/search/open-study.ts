// Opens the study of `nasnet search`: a new one from preset and flags, or an existing one, which flags cannot change.

import { InputError } from '../../failure.ts';
import { type NewSearch, newSearchOf } from '../../forecast/new-search.ts';
import type { ImageCounts } from '../../forecast/prediction.ts';
import { noDataset } from '../../study/external-evaluator.ts';
import { openSearch } from '../../study/parse-settings.ts';
import { settingsOf } from '../../study/presets.ts';
import type { ExternalEvaluator, SearchSettings } from '../../study/settings.ts';
import type { Study } from '../../study/study.ts';
import { typedFlag, type UserFlags } from '../flags/user-flags.ts';
import type { SearchFlags } from './flags.ts';
import { searchComputing } from './search-computing.ts';
import type { SettingFlags } from './search-settings.ts';
import { evaluatedNames, refuseNeedless, refuseOthers, requestOf, settingNames } from './setting-flags.ts';

/**
 * Returns the settings of a new search from preset and flags, fitted to the images, with the laws of its limits.
 * @throws InputError if flags are inconsistent, or no cell is within the limits
 */
export async function newSearch(
  flags: SearchFlags,
  userFlags: UserFlags,
  countsIn: (dataset: SearchSettings) => Promise<ImageCounts>,
  note: (line: string) => void,
): Promise<NewSearch> {
  const { dataset, seed } = flags;
  const { limits: { beyond = 'resample', ...bounds } = {}, ...request } = await requestOf(flags, settingNames, note);
  const limited = Object.keys(bounds).length > 0;
  const wanted = { ...request, dataset, seed };
  // the laws of the limits are computed from the other settings
  const stated = settingsOf(flags.preset, { ...wanted, ...(limited && { limits: { beyond } }) });
  refuseNeedless(stated, userFlags);
  const counts = await countsIn(stated);
  const limits = limited ? { ...bounds, beyond } : undefined;
  const how = {
    counts,
    workers: flags.workers,
    computing: searchComputing(flags),
    knownAsked: userFlags.has('known'),
    always: flags.dryRun === true,
  };
  return newSearchOf(stated, { ...how, limits }, note);
}

/** The flags of a search with an external evaluator. */
export type EvaluatedFlags = Partial<SettingFlags> & Pick<SettingFlags, 'preset' | 'seed' | 'space'>;

/** Returns the settings of a new search with an external evaluator. @throws InputError if flags are inconsistent */
export async function evaluatedSettings(
  flags: EvaluatedFlags,
  evaluator: ExternalEvaluator,
  note: (line: string) => void,
): Promise<SearchSettings> {
  const { seed } = flags;
  const { limits: _, ...request } = await requestOf(flags, evaluatedNames, note);
  const settings = settingsOf(flags.preset, {
    ...request,
    dataset: noDataset,
    seed,
    finalists: 0,
    budget: 'none',
  });
  return { ...settings, evaluator };
}

/** Flags of searches that train children only. */
const ownTraining = [
  ...settingNames.filter((name) => !evaluatedNames.includes(name)),
  ...['data', 'device', 'precision', 'dryRun', 'queue', 'store', 'expect', 'lease'],
];

/** Refuses flags that a search with an evaluator does not have. @throws InputError */
export function refuseOwnTraining(userFlags: UserFlags): void {
  for (const name of ownTraining)
    if (userFlags.has(name))
      throw new InputError(
        `${typedFlag(name)}: expected it in a search that nasnet trains itself, got it in one with an evaluator`,
      );
}

/** Opens an existing study. @throws InputError if a flag differs from its settings */
export async function reopen(
  path: string,
  flags: Partial<SearchFlags>,
  userFlags: UserFlags,
): Promise<Study<SearchSettings>> {
  const study = openSearch(path, { readOnly: flags.dryRun === true });
  try {
    if (study.settings.evaluator) refuseOwnTraining(userFlags);
    await refuseOthers(path, study.settings, flags, userFlags);
    return study;
  } catch (error) {
    study.close();
    throw error;
  }
}

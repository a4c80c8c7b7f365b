// The settings of a new study whose trials are evaluated outside nasnet.

import { noDataset } from '../../study/external-evaluator.ts';
import { settingsOf } from '../../study/presets.ts';
import type { ExternalEvaluator, SearchSettings } from '../../study/settings.ts';
import type { SearchFlags } from './flags.ts';
import { searchedCells } from './known-cells.ts';

/** Flags of `search` that such a study can take. */
export const evaluatedFlags = [
  'preset',
  'seed',
  'strategy',
  'trials',
  'space',
  'blocks',
  'known',
  'reEvaluate',
] as const;

export type EvaluatedFlags = Pick<SearchFlags, (typeof evaluatedFlags)[number]>;

/** @throws InputError for flags that do not fit together */
export async function evaluatedSettings(
  flags: EvaluatedFlags,
  evaluator: ExternalEvaluator,
  note: (line: string) => void,
): Promise<SearchSettings> {
  const { preset, seed, strategy, trials, reEvaluate } = flags;
  const searched = await searchedCells(flags, note);
  const settings = settingsOf(preset, {
    ...{ dataset: noDataset, seed, strategy, ...searched, finalists: 0, remember: !reEvaluate },
    ...(trials !== undefined && { trials }),
  });
  return { ...settings, evaluator };
}

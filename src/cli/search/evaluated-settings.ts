// The settings of a new study whose trials are evaluated outside nasnet.

import { spaces } from '../../space/search-space.ts';
import { noDataset } from '../../study/external-evaluator.ts';
import { settingsOf } from '../../study/presets.ts';
import type { ExternalEvaluator, SearchSettings } from '../../study/settings.ts';
import type { SearchFlags } from './flags.ts';
import { readKnown } from './known-cells.ts';

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
  const { preset, seed, strategy, trials, space, reEvaluate } = flags;
  const { blocks = spaces[space].blocks } = flags;
  const known = flags.known && (await readKnown(flags.known, { space, blocks }, note));
  const settings = settingsOf(preset, {
    ...{ dataset: noDataset, seed, strategy, space, blocks, finalists: 0, remember: !reEvaluate },
    ...(trials !== undefined && { trials }),
    ...(known && { known }),
  });
  return { ...settings, evaluator };
}

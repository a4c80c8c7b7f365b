// A search before it has a study: its settings fitted to the images, with the laws of its limits, and where its predictions start.

import { fitted } from '../study/presets.ts';
import type { SearchSettings } from '../study/settings.ts';
import type { ImageCounts } from './prediction.ts';
import { type Start, startOf } from './start.ts';
import { type AskedLimits, statedLimits } from './stated-limits.ts';

export interface NewSearch {
  settings: SearchSettings;
  counts: ImageCounts;
  start: Start;
}

export interface NewSearchOptions {
  counts: ImageCounts;
  workers: number;
  /** Where the children are trained: 'cpu', 'cuda:0' … */
  device: string;
  limits?: AskedLimits | undefined;
  /** Whether this machine is measured for a short search too. */
  always: boolean;
}

/** @throws InputError for limits that no cell keeps */
export async function newSearchOf(
  stated: SearchSettings,
  { counts, workers, device, limits, always }: NewSearchOptions,
  note: (line: string) => void,
): Promise<NewSearch> {
  const settings = fitted(stated, counts);
  const searching = { settings, counts, trials: settings.trials, workers, device };
  const start = await startOf(searching, always || limits?.memory !== undefined, note);
  if (!limits) return { settings, counts, start };
  return { settings: { ...settings, limits: await statedLimits(limits, settings, counts, start.laws) }, counts, start };
}

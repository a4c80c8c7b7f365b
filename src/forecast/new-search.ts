// Prepares a new search: settings fitted to the images, the laws of its limits, and the initial prediction.

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
  /** Device of the children: 'cpu', 'cuda:0' … */
  device: string;
  limits?: AskedLimits | undefined;
  /** Whether to measure this machine also for a short search. */
  always: boolean;
}

/** @throws InputError if no cell is within the limits */
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

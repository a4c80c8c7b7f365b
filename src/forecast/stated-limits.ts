// The limits of a new search as it states them: with the laws that predict memory and latency, fixed before the first cell is sampled.
// Measured times of each cell would decide otherwise when a search is resumed, and cost more than most children.

import type { Laws } from '../study/results.ts';
import type { Limits, SearchSettings } from '../study/settings.ts';
import { latencyLimit } from './final-latency.ts';
import { limitCheck, refuseImpossible, wornWorker } from './limits.ts';
import type { ImageCounts } from './prediction.ts';

/** Limits as they are asked for, without the laws. */
export interface AskedLimits extends Pick<Limits, 'parameters' | 'multiplyAdds' | 'beyond'> {
  /** Bytes. */
  memory?: number;
  /** Milliseconds. */
  latency?: number;
}

/**
 * The limits that are asked for, with their laws. Some final networks are timed where there is one on latency.
 * @param laws of the children on this machine
 * @throws InputError for limits that no cell keeps
 */
export async function statedLimits(
  { parameters, multiplyAdds, memory, latency, beyond }: AskedLimits,
  settings: SearchSettings,
  counts: ImageCounts,
  laws: Laws,
): Promise<Limits> {
  const limits: Limits = {
    ...(parameters !== undefined && { parameters }),
    ...(multiplyAdds !== undefined && { multiplyAdds }),
    ...(memory !== undefined && { memory: { bytes: memory, law: wornWorker(laws.memory) } }),
    ...(latency !== undefined && { latency: await latencyLimit(latency, settings, counts) }),
    beyond,
  };
  refuseImpossible(limitCheck(limits, settings, counts), settings.blocks, settings.space);
  return limits;
}

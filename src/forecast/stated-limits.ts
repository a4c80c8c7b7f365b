// The limits of a new search with the laws that predict memory and latency. The laws are fixed before the first cell is
// sampled: measuring each cell would make a resumed search decide differently, and cost more than most children.

import type { Laws } from '../study/results.ts';
import type { Limits, SearchSettings } from '../study/settings.ts';
import { latencyLimit } from './final-latency.ts';
import { limitCheck, refuseImpossible, wornWorker } from './limits.ts';
import type { ImageCounts } from './prediction.ts';

/** The requested limits, without laws. */
export interface RequestedLimits extends Pick<Limits, 'parameters' | 'multiplyAdds' | 'beyond'> {
  /** Bytes. */
  memory?: number;
  /** Milliseconds. */
  latency?: number;
}

/**
 * Returns the requested limits with their laws. For a limit on latency some final networks are measured.
 * @param laws laws of the children on this machine
 * @throws InputError if no cell is within the limits
 */
export async function statedLimits(
  { parameters, multiplyAdds, memory, latency, beyond }: RequestedLimits,
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

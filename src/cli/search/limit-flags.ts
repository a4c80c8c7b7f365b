// The limits of a new search as it states them: with the laws that foretell memory and latency, fixed before the first cell is drawn.
// Measured times of each cell would decide otherwise when a search is resumed, and cost more than most children.

import { latencyLimit } from '../../forecast/final-latency.ts';
import { limitCheck, refuseImpossible, wornWorker } from '../../forecast/limits.ts';
import type { ImageCounts } from '../../forecast/prediction.ts';
import type { Laws } from '../../study/results.ts';
import type { Limits, SearchSettings } from '../../study/settings.ts';

export interface LimitFlags {
  maxParameters?: number;
  maxMultiplyAdds?: number;
  /** Bytes. */
  maxMemory?: number;
  /** Milliseconds. */
  maxLatency?: number;
  overLimit: Limits['beyond'];
}

export function anyLimit({ maxParameters, maxMultiplyAdds, maxMemory, maxLatency }: LimitFlags): boolean {
  return [maxParameters, maxMultiplyAdds, maxMemory, maxLatency].some((limit) => limit !== undefined);
}

/**
 * The limits that the flags ask for; undefined without any. Some final networks are timed where there is one on latency.
 * @param laws of the children on this machine
 * @throws InputError for limits that no cell keeps
 */
export async function limitsOf(
  flags: LimitFlags,
  settings: SearchSettings,
  counts: ImageCounts,
  laws: Laws,
): Promise<Limits | undefined> {
  if (!anyLimit(flags)) return undefined;
  const { maxParameters, maxMultiplyAdds, maxMemory, maxLatency, overLimit } = flags;
  const limits: Limits = {
    ...(maxParameters !== undefined && { parameters: maxParameters }),
    ...(maxMultiplyAdds !== undefined && { multiplyAdds: maxMultiplyAdds }),
    ...(maxMemory !== undefined && { memory: { bytes: maxMemory, law: wornWorker(laws.memory) } }),
    ...(maxLatency !== undefined && { latency: await latencyLimit(maxLatency, settings, counts) }),
    beyond: overLimit,
  };
  refuseImpossible(limitCheck(limits, settings, counts), settings.blocks, settings.space);
  return limits;
}

// The limits of a new search as it states them: with the laws that foretell memory and latency, fixed before the first cell is drawn.
// Measured times of each cell would decide otherwise when a search is resumed, and cost more than most children.

import { InputError } from '../failure.ts';
import { latencyLimit } from '../forecast/final-latency.ts';
import { limitCheck, refuseImpossible, wornWorker } from '../forecast/limits.ts';
import type { ImageCounts } from '../forecast/prediction.ts';
import type { Laws } from '../study/results.ts';
import type { Limits, SearchSettings } from '../study/settings.ts';

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

const byteUnits: Record<string, number> = {
  K: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  KI: 2 ** 10,
  MI: 2 ** 20,
  GI: 2 ** 30,
  TI: 2 ** 40,
};

/** A commander argument parser: bytes such as 800M, 2G, 1.5GiB; of 1,000 unless they say i. */
export function byteSize(flag: string): (text: string) => number {
  return (text) => {
    const [, digits, unit] = /^(\d+(?:\.\d+)?)([KMGT]i?)B?$/i.exec(text) ?? [];
    const bytes = unit === undefined ? 0 : Math.round(Number(digits) * byteUnits[unit.toUpperCase()]!);
    if (bytes >= 1) return bytes;
    throw new InputError(`${flag}: expected a size such as 800M or 2G, got ${JSON.stringify(text)}`);
  };
}

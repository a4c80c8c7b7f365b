// The limits of a new search as it states them: with the laws that foretell memory and latency, fixed before the first cell is drawn.
// Measured times of each cell would decide otherwise when a search is resumed, and cost more than most children.

import { InputError } from '../failure.ts';
import { latencyTerms, lawValue, leftBehind, startingLaws } from '../plan/cost-law.ts';
import { median } from '../statistics/order.ts';
import { type Coefficients, fitLaw } from '../statistics/robust-fit.ts';
import { keepFinalLatency, readFinalLatency } from '../study/final-latency.ts';
import { readFinalModel } from '../study/final-model.ts';
import { finalPlan, type LatencyLimit, type Limits, limitCheck, refuseImpossible } from '../study/limits.ts';
import type { ImageCounts, Laws } from '../study/prediction.ts';
import { randomCells } from '../study/prediction-estimate.ts';
import { machineName } from '../study/prediction-record.ts';
import type { SearchSettings } from '../study/preset.ts';
import type { Study } from '../study/study.ts';

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

/** The law of a worker that has trained others before. */
function wornWorker([worker = 0, ...others]: Coefficients): Coefficients {
  return [worker + leftBehind, ...others];
}

const timing = { networks: 12, seconds: 3 };

/** Times random cells' final networks and fits the law of latency to them. */
async function latencyLimit(
  milliseconds: number,
  settings: SearchSettings,
  counts: ImageCounts,
): Promise<LatencyLimit> {
  const { measurePlans } = await import('../latency/sample.ts'); // with the engine
  const plans = randomCells(settings)
    .slice(0, timing.networks)
    .map((decisions) => finalPlan(decisions, settings.final, counts, settings.space));
  const measured = await measurePlans(plans, { seconds: timing.seconds });
  const observations = measured.map(({ plan, milliseconds: value }) => ({ terms: latencyTerms(plan), value }));
  const errors = observations.map(({ terms, value }, left) => {
    const others = observations.filter((_, index) => index !== left);
    return Math.abs(lawValue(fitLaw(others, startingLaws.latency), terms) / value - 1);
  });
  return {
    milliseconds,
    law: fitLaw(observations, startingLaws.latency),
    measured: measured.length,
    error: median(errors),
    machine: machineName(),
  };
}

/** Times the network that was built, in a search that limits its latency, and keeps what it takes; once a network. */
export async function measureFinalLatency(study: Study<SearchSettings>, counts: ImageCounts): Promise<void> {
  const { limits, final, space } = study.settings;
  const built = readFinalModel(study);
  if (!limits?.latency || !built || readFinalLatency(study)?.trial === built.trial) return;
  const { measurePlans } = await import('../latency/sample.ts');
  const plan = finalPlan(study.trial(built.trial)!.decisions, final, counts, space);
  const [measured] = await measurePlans([plan], { seconds: 1 });
  keepFinalLatency(study, { trial: built.trial, plan, milliseconds: measured!.milliseconds, limit: limits.latency });
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

// The best cells of a study, each as the largest network within the limits.

import { fitFilters } from '../../plan/fit-filters.ts';
import { filterMultiple } from '../../plan/model-name.ts';
import type { Plan, PlanOptions } from '../../plan/plan.ts';
import { bestTrials } from '../../selection/finalist-race.ts';
import type { Architecture } from '../../space/architecture.ts';
import { Candidate } from '../../study/candidate.ts';
import type { SearchSettings } from '../../study/settings.ts';
import type { Study } from '../../study/study.ts';

export interface TransferLimits {
  /** Trainable parameters. */
  parameters?: number | undefined;
  /** Multiply-adds of one image. */
  multiplyAdds?: number | undefined;
  /** Milliseconds for one image on one thread of this machine. */
  latency?: number | undefined;
}

export interface NamedCells {
  /** `trial-12`, or `nasnet-a`: also the name of its files. */
  name: string;
  architecture: Architecture;
}

export interface SizedCells extends NamedCells {
  cells: number;
  filters: number;
  /** P, the channels of the last cell's output. */
  penultimate: number;
  parameters: number;
  multiplyAdds: number;
  /** Milliseconds of one image, if the latency is limited. */
  latency?: number;
}

/** Returns the best cells of a study that are different networks, best first. */
export function bestCells(study: Study<SearchSettings>, count: number): NamedCells[] {
  const keys = new Set<string>();
  const found: NamedCells[] = [];
  for (const { number, decisions } of bestTrials(study, 10 * count)) {
    const candidate = new Candidate(decisions, study.settings.space);
    if (keys.has(candidate.key)) continue;
    keys.add(candidate.key);
    found.push({ name: `trial-${number}`, architecture: candidate.architecture });
    if (found.length === count) break;
  }
  return found;
}

/**
 * Returns cells as the largest network within the limits; undefined if none is.
 * @param options of the network, without its filters
 */
export async function sizedCells(
  { name, architecture }: NamedCells,
  options: Omit<PlanOptions, 'filters'>,
  { parameters = Number.POSITIVE_INFINITY, multiplyAdds = Number.POSITIVE_INFINITY, latency }: TransferLimits,
): Promise<SizedCells | undefined> {
  const measured = new Map<Plan, number>();
  const fitted = await fitFilters(architecture, options, async (plan) => {
    if (plan.trainableParameters > parameters || plan.multiplyAdds > multiplyAdds) return false;
    if (latency === undefined) return true;
    const { measurePlans } = await import('../../latency/measure-plans.ts'); // loads the engine
    const { milliseconds } = (await measurePlans([plan], { seconds: 1 }))[0]!;
    measured.set(plan, milliseconds);
    return milliseconds <= latency;
  });
  if (!fitted) return undefined;
  const { filters, plan } = fitted;
  const milliseconds = measured.get(plan);
  return {
    name,
    architecture,
    cells: options.cells,
    filters,
    penultimate: filters * filterMultiple(architecture, options.cells),
    parameters: plan.trainableParameters,
    multiplyAdds: plan.multiplyAdds,
    ...(milliseconds !== undefined && { latency: milliseconds }),
  };
}

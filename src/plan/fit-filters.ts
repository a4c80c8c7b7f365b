// The largest network of an architecture that stays within limits: F for given N.

import { largest } from '../largest.ts';
import type { Architecture } from '../space/architecture.ts';
import { type Plan, type PlanOptions, planNetwork } from './plan.ts';

/** Filters are multiples of it: the stem cells for ImageNet have a quarter of F, and kernels prefer fours. */
export const filterStep = 4;

/** A network within limits. */
export interface FittedNetwork {
  filters: number;
  plan: Plan;
}

/**
 * Returns the network with the most filters that is within the limits; undefined if not even the smallest is. What the
 * limits are about must grow with the filters.
 * @param options of the network, without its filters
 */
export async function fitFilters(
  architecture: Architecture,
  options: Omit<PlanOptions, 'filters'>,
  isWithin: (plan: Plan) => boolean | Promise<boolean>,
): Promise<FittedNetwork | undefined> {
  const most = Math.floor(largest.filters / filterStep);
  const fitted = async (steps: number): Promise<FittedNetwork | undefined> => {
    const filters = steps * filterStep;
    const plan = planNetwork(architecture, { ...options, filters });
    return (await isWithin(plan)) ? { filters, plan } : undefined;
  };
  let best = await fitted(1);
  if (!best) return undefined;
  let tooMany = 2; // doubled until it is too many
  for (; tooMany <= most; tooMany *= 2) {
    const wider = await fitted(tooMany);
    if (!wider) break;
    best = wider;
  }
  tooMany = Math.min(tooMany, most + 1);
  for (let steps = best.filters / filterStep; tooMany - steps > 1; ) {
    const middle = Math.floor((steps + tooMany) / 2);
    const found = await fitted(middle);
    if (found) [best, steps] = [found, middle];
    else tooMany = middle;
  }
  return best;
}

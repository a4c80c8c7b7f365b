// The network of a training: what its sizes and its layout mean to plan.ts. Every plan of a child, a finalist or a final network is made here.

import { type Plan, type PlanOptions, planNetwork } from '../plan/plan.ts';
import type { Architecture } from '../space/architecture.ts';
import type { Training } from './settings.ts';

export type TrainedNetwork = Pick<Training, 'layout' | 'cells' | 'filters' | 'resolution' | 'stemChannels'> &
  Pick<Training, 'skipReductionInput'>;

/** What planNetwork takes beside the classes, its layout and its input in full, as model files state them. */
export function networkOf(training: TrainedNetwork) {
  const { layout = 'cifar', cells, filters, resolution, stemChannels, skipReductionInput } = training;
  return {
    layout,
    cells,
    filters,
    input: [resolution, resolution] as const,
    ...(stemChannels !== undefined && { stemChannels }),
    ...(skipReductionInput !== undefined && { skipReductionInput }),
  } satisfies PlanOptions;
}

/** The network as it is used: without an auxiliary head. */
export function usedPlan(architecture: Architecture, training: TrainedNetwork, classes: number): Plan {
  return planNetwork(architecture, { ...networkOf(training), classes });
}

/** The network as it is trained: with the head that its recipe weighs. */
export function trainedPlan(architecture: Architecture, training: Training, classes: number): Plan {
  const auxiliary = training.recipe.auxiliaryWeight > 0;
  return planNetwork(architecture, { ...networkOf(training), classes, auxiliary });
}

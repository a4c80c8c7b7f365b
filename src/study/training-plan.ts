// Plans the network of a training: of a child, a finalist or the final network.

import { type Plan, type PlanOptions, planNetwork } from '../plan/plan.ts';
import type { Architecture } from '../space/architecture.ts';
import type { Training } from './settings.ts';

export type TrainedNetwork = Pick<Training, 'layout' | 'cells' | 'filters' | 'resolution' | 'stemChannels'> &
  Pick<Training, 'skipReductionInput'>;

/** Returns the options of planNetwork except the classes, with layout and input, as in model files. */
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

/** Returns the options of the network in inference, without an auxiliary head. */
export function usedOptions(training: TrainedNetwork, classes: number): PlanOptions {
  return { ...networkOf(training), classes, auxiliary: false };
}

/** Returns the options of the network in training, with an auxiliary head if its recipe has one. */
export function trainedOptions(training: Training, classes: number): PlanOptions {
  return { ...networkOf(training), classes, auxiliary: training.recipe.auxiliaryWeight > 0 };
}

/** Plans the network for inference. */
export function usedPlan(architecture: Architecture, training: TrainedNetwork, classes: number): Plan {
  return planNetwork(architecture, usedOptions(training, classes));
}

/** Plans the network for training. */
export function trainedPlan(architecture: Architecture, training: Training, classes: number): Plan {
  return planNetwork(architecture, trainedOptions(training, classes));
}

/** The plans of the networks of one cell. */
export interface CellPlans {
  trainedPlan(training: Training, classes: number): Plan;
  usedPlan(training: TrainedNetwork, classes: number): Plan;
}

export const plansOf = (architecture: Architecture): CellPlans => ({
  trainedPlan: (training, classes) => trainedPlan(architecture, training, classes),
  usedPlan: (training, classes) => usedPlan(architecture, training, classes),
});

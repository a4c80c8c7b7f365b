// A network with weights and a description: of a model file, or initial weights of a seed.

import type { ModelDescription } from '../../model/model-description.ts';
import { readModel } from '../../model/model-file.ts';
import { buildNetwork, type Network } from '../../model/network.ts';
import { imagenetPreprocessing } from '../../model/preprocessing.ts';
import { planNetwork } from '../../plan/plan.ts';
import type { NamedNetwork } from './model-flags.ts';

/** Returns the network in evaluation mode, without the auxiliary head. @throws InputError for a damaged file */
export function networkOf(model: string, { architecture, options, description }: NamedNetwork, seed: number): Network {
  const plan = planNetwork(architecture, options);
  if (!description) return buildNetwork(plan, { seed }).train(false);
  const { network } = readModel(model);
  if (network.plan.input.join() === plan.input.join()) return network;
  // --input: the same weights on images of another size
  const resized = buildNetwork(plan, { initialise: false }).train(false);
  resized.loadStateDict(network.stateDict());
  network.dispose();
  return resized;
}

/** Returns a description for a MODEL string: classes without names, preprocessing of the released networks. */
export function descriptionOf(
  { plan, architecture, options, description }: NamedNetwork,
  origin: string,
): ModelDescription {
  const { classes = plan.classes, auxiliary: _, ...network } = options;
  const [height, width] = plan.input;
  return {
    classes: Array.from({ length: classes }, (_, index) => `class ${index}`),
    preprocessing: imagenetPreprocessing,
    origin,
    ...description,
    architecture,
    network: { ...network, input: [height, width] },
  };
}

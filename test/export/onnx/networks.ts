// Networks to export, of seeded architectures, with batch norms as after training, so that wrong folding changes the
// logits.

import { randn, tensor } from '../../../src/engine/create.ts';
import { noGrad } from '../../../src/engine/memory.ts';
import { Generator } from '../../../src/engine/random.ts';
import type { ModelDescription } from '../../../src/model/model-description.ts';
import { buildNetwork, type Network } from '../../../src/model/network.ts';
import { imagenetPreprocessing } from '../../../src/model/preprocessing.ts';
import { type PlanOptions, planNetwork } from '../../../src/plan/plan.ts';
import type { Architecture } from '../../../src/space/architecture.ts';

export interface Example {
  network: Network;
  description: ModelDescription;
}

export function example(architecture: Architecture, options: PlanOptions, seed: number): Example {
  const plan = planNetwork(architecture, options);
  const network = buildNetwork(plan, { seed });
  imitateTraining(network, seed);
  const { classes, ...rest } = options;
  const description = {
    architecture,
    network: { ...rest, input: [plan.input[0], plan.input[1]] as const },
    classes: Array.from({ length: plan.classes }, (_, index) => `class ${index}`),
    preprocessing: imagenetPreprocessing,
    origin: `of seed ${seed}`,
  };
  return { network: network.train(false), description };
}

/** Sets scales from 0.5 to 1.5, one in eight negative, variances from 0.5 to 2, means and shifts around 0. */
function imitateTraining(network: Network, seed: number): void {
  const generator = new Generator(seed);
  const spread = (shape: readonly number[], low: number, high: number) => {
    const normal = randn(shape, { generator }).toArray();
    return tensor(
      Array.from(normal, (value) => low + (high - low) * (0.5 + Math.atan(value) / Math.PI)),
      shape,
    );
  };
  noGrad(() => {
    for (const [name, own] of Object.entries(network.stateDict())) {
      if (name.endsWith('.moving_variance')) own.copy_(spread(own.shape, 0.5, 2));
      if (name.endsWith('.moving_mean') || name.endsWith('.shift')) own.copy_(spread(own.shape, -0.5, 0.5));
      if (name.endsWith('.scale')) {
        own.copy_(spread(own.shape, 0.5, 1.5));
        own.mul_(tensor(Array.from({ length: own.size }, (_, index) => (index % 8 === 5 ? -1 : 1))));
      }
    }
  });
}

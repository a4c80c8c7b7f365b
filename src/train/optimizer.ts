// Creates the optimizers that a recipe can name.

import type { Tensor } from '../engine/tensor.ts';
import { Adam, Momentum, type Optimizer, RMSProp } from '../nn/optimizers.ts';
import type { Recipe } from './recipe.ts';
import { type Choice, defaultOptimizer, type OptimizerName, type OptimizerOptions } from './recipe-choices.ts';

interface OptimizerKind<Name extends OptimizerName> {
  create(
    parameters: ReadonlyMap<string, Tensor>,
    recipe: Pick<Recipe, 'momentum' | 'nesterov' | 'weightDecay'>,
    options: OptimizerOptions[Name],
  ): Optimizer;
}

export const optimizers: { readonly [Name in OptimizerName]: OptimizerKind<Name> } = {
  momentum: {
    create: (parameters, { momentum, nesterov, weightDecay }) =>
      new Momentum(parameters, { momentum, nesterov, weightDecay }),
  },
  rmsprop: {
    create: (parameters, { momentum, weightDecay }, { decay, epsilon }) =>
      new RMSProp(parameters, { decay, momentum, epsilon, weightDecay }),
  },
  adam: {
    create: (parameters, { weightDecay }, { beta1, beta2, epsilon }) =>
      new Adam(parameters, { beta1, beta2, epsilon, weightDecay }),
  },
};

/** Creates an optimizer of a network's parameters. */
export function createOptimizer(parameters: ReadonlyMap<string, Tensor>, recipe: Recipe): Optimizer {
  return created(parameters, recipe, recipe.optimizer ?? defaultOptimizer('momentum'));
}

const created = <Name extends OptimizerName>(
  parameters: ReadonlyMap<string, Tensor>,
  recipe: Recipe,
  choice: Choice<Name>,
): Optimizer => optimizers[choice.name].create(parameters, recipe, choice);

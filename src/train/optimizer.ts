// Creates the optimizers that a recipe can name.

import type { Tensor } from '../engine/tensor.ts';
import { Adam, type GroupOptions, Momentum, type Optimizer, RMSProp } from '../nn/optimizers.ts';
import type { Recipe } from './recipe.ts';
import { type Choice, defaultOptimizer, type OptimizerName, type OptimizerOptions } from './recipe-choices.ts';

interface OptimizerKind<Name extends OptimizerName> {
  create(
    parameters: ReadonlyMap<string, Tensor>,
    recipe: Pick<Recipe, 'momentum' | 'nesterov'> & GroupOptions,
    options: OptimizerOptions[Name],
  ): Optimizer;
}

export const optimizers: { readonly [Name in OptimizerName]: OptimizerKind<Name> } = {
  momentum: {
    create: (parameters, { momentum, nesterov, ...groups }) =>
      new Momentum(parameters, { momentum, nesterov, ...groups }),
  },
  rmsprop: {
    create: (parameters, { momentum, nesterov: _, ...groups }, { decay, epsilon }) =>
      new RMSProp(parameters, { decay, momentum, epsilon, ...groups }),
  },
  adam: {
    create: (parameters, { momentum: _, nesterov: __, ...groups }, { beta1, beta2, epsilon }) =>
      new Adam(parameters, { beta1, beta2, epsilon, ...groups }),
  },
};

/** What a recipe says of its optimizer. */
export type OptimizerRecipe = Pick<
  Recipe,
  'optimizer' | 'momentum' | 'nesterov' | 'weightDecay' | 'decoupledDecay' | 'biasRate'
>;

/** Creates an optimizer of a network's parameters. */
export function createOptimizer(parameters: ReadonlyMap<string, Tensor>, recipe: OptimizerRecipe): Optimizer {
  return created(parameters, recipe, recipe.optimizer ?? defaultOptimizer('momentum'));
}

const created = <Name extends OptimizerName>(
  parameters: ReadonlyMap<string, Tensor>,
  { momentum, nesterov, weightDecay, decoupledDecay = false, biasRate = 1 }: OptimizerRecipe,
  choice: Choice<Name>,
): Optimizer => {
  const groups = { weightDecay, decoupled: decoupledDecay, biasRate };
  return optimizers[choice.name].create(parameters, { momentum, nesterov, ...groups }, choice);
};

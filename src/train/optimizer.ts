// The optimizers that a recipe can name, each made of the recipe and of options of its own.

import type { Tensor } from '../engine/tensor.ts';
import { Adam, Momentum, type Optimizer, RMSProp } from '../nn/optimizers.ts';
import type { Recipe } from './recipe.ts';

/** Options that only this optimizer has. Momentum, Nesterov and weight decay are the recipe's. */
export interface OptimizerOptions {
  momentum: object;
  rmsprop: { decay: number; epsilon: number };
  adam: { beta1: number; beta2: number; epsilon: number };
}

export type OptimizerName = keyof OptimizerOptions;

type Chosen<Name extends OptimizerName> = { name: Name } & OptimizerOptions[Name];

/** An optimizer by its name with all of its options, as JSON. */
export type OptimizerChoice = { [Name in OptimizerName]: Chosen<Name> }[OptimizerName];

interface OptimizerKind<Name extends OptimizerName> {
  defaults: Chosen<Name>;
  create(
    parameters: ReadonlyMap<string, Tensor>,
    recipe: Pick<Recipe, 'momentum' | 'nesterov' | 'weightDecay'>,
    options: OptimizerOptions[Name],
  ): Optimizer;
}

export const optimizers: { readonly [Name in OptimizerName]: OptimizerKind<Name> } = {
  momentum: {
    defaults: { name: 'momentum' },
    create: (parameters, { momentum, nesterov, weightDecay }) =>
      new Momentum(parameters, { momentum, nesterov, weightDecay }),
  },
  rmsprop: {
    defaults: { name: 'rmsprop', decay: 0.9, epsilon: 1 }, // released ImageNet configuration, whose momentum is 0.9 too
    create: (parameters, { momentum, weightDecay }, { decay, epsilon }) =>
      new RMSProp(parameters, { decay, momentum, epsilon, weightDecay }),
  },
  adam: {
    defaults: { name: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }, // Kingma and Ba, 2015
    create: (parameters, { weightDecay }, { beta1, beta2, epsilon }) =>
      new Adam(parameters, { beta1, beta2, epsilon, weightDecay }),
  },
};

export const optimizerNames = Object.keys(optimizers) as OptimizerName[];

/** The optimizer of this name with its default options. */
export const defaultOptimizer = (name: OptimizerName): OptimizerChoice => optimizers[name].defaults;

/** A fresh optimizer of a network's parameters. */
export function createOptimizer(parameters: ReadonlyMap<string, Tensor>, recipe: Recipe): Optimizer {
  return created(parameters, recipe, recipe.optimizer ?? defaultOptimizer('momentum'));
}

const created = <Name extends OptimizerName>(
  parameters: ReadonlyMap<string, Tensor>,
  recipe: Recipe,
  choice: Chosen<Name>,
): Optimizer => optimizers[choice.name].create(parameters, recipe, choice);

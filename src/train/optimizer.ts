// Creates the optimizers that a recipe can name.

import type { Tensor } from '../engine/tensor.ts';
import { InputError } from '../failure.ts';
import { Muon } from '../nn/muon.ts';
import { Adam, type GroupOptions, Momentum, type Optimizer, RMSProp } from '../nn/optimizers.ts';
import type { Recipe } from './recipe.ts';
import { type Choice, defaultOptimizer, type OptimizerName, type OptimizerOptions } from './recipe-choices.ts';
import type { Trainable } from './trainable.ts';

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
  muon: {
    create: (parameters, { momentum, nesterov, ...groups }, { matrixRate, iterations }) =>
      new Muon(parameters, { momentum, nesterov, matrixRate, iterations, ...groups }),
  },
};

/** Creates an optimizer of a network's parameters. */
export function createOptimizer(network: Pick<Trainable, 'plan' | 'namedParameters'>, recipe: Recipe): Optimizer {
  const { layerRateDecay } = recipe;
  const rateOf = layerRateDecay === undefined ? undefined : layerRates(network.plan, layerRateDecay);
  return optimizerOf(network.namedParameters(), recipe, rateOf);
}

/** The part of a recipe that describes its optimizer. */
export type OptimizerRecipe = Pick<
  Recipe,
  'optimizer' | 'momentum' | 'nesterov' | 'weightDecay' | 'decoupledDecay' | 'biasRate'
>;

/** Creates an optimizer of named parameters. @param rateOf the multiple of the learning rate of each; default 1 */
export const optimizerOf = (
  parameters: ReadonlyMap<string, Tensor>,
  recipe: OptimizerRecipe,
  rateOf?: (name: string) => number,
): Optimizer => created(parameters, recipe, recipe.optimizer ?? defaultOptimizer('momentum'), rateOf);

const created = <Name extends OptimizerName>(
  parameters: ReadonlyMap<string, Tensor>,
  { momentum, nesterov, weightDecay, decoupledDecay = false, biasRate = 1 }: OptimizerRecipe,
  choice: Choice<Name>,
  rateOf: ((name: string) => number) | undefined,
): Optimizer => {
  const groups = { weightDecay, decoupled: decoupledDecay, biasRate, ...(rateOf && { rateOf }) };
  return optimizers[choice.name].create(parameters, { momentum, nesterov, ...groups }, choice);
};

/**
 * Returns the multiple of the learning rate of each parameter: 1 in the heads, `decay` in the last cell, its square in
 * the cell before, and so on to the stem.
 */
export function layerRates({ sections }: Trainable['plan'], decay: number): (name: string) => number {
  if (!sections) throw new InputError('layerRateDecay: expected a network whose plan lists its cells, got one without');
  const heads = sections.filter(({ name }) => name === 'Head' || name === 'Auxiliary').length;
  const body = sections.length - heads;
  const rates = new Map(
    sections.flatMap(({ parameters }, place) =>
      parameters.map(({ name }) => [name, decay ** Math.max(0, body - place)] as const),
    ),
  );
  return (name) => rates.get(name)!;
}

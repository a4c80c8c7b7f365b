// The optimizers, with their options, and learning rate schedules that a recipe can name. optimizer.ts and
// learning-rate.ts create them; this file does not load the engine.

/** Options of one optimizer. Momentum, Nesterov and weight decay are in the recipe. */
export interface OptimizerOptions {
  momentum: object;
  rmsprop: { decay: number; epsilon: number };
  adam: { beta1: number; beta2: number; epsilon: number };
  /** `matrixRate`: learning rate of the weights that it turns, as a multiple of the others'. */
  muon: { matrixRate: number; iterations: number };
}

export type OptimizerName = keyof OptimizerOptions;

export type Choice<Name extends OptimizerName> = { name: Name } & OptimizerOptions[Name];

/** An optimizer's name with all its options, as JSON. */
export type OptimizerChoice = { [Name in OptimizerName]: Choice<Name> }[OptimizerName];

/** The rate is that of `fast` (docs/experiments/fast-recipe.md). */
export const defaultMuon = { name: 'muon', matrixRate: 0.1, iterations: 5 } as const satisfies Choice<'muon'>;

const defaults: { readonly [Name in OptimizerName]: Choice<Name> } = {
  momentum: { name: 'momentum' },
  rmsprop: { name: 'rmsprop', decay: 0.9, epsilon: 1 }, // released ImageNet configuration; its momentum is also 0.9
  adam: { name: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }, // Kingma and Ba, 2015
  muon: defaultMuon,
};

export const optimizerNames = Object.keys(defaults) as OptimizerName[];

/** Returns an optimizer with its default options. */
export const defaultOptimizer = (name: OptimizerName): OptimizerChoice => defaults[name];

export const scheduleNames = ['cosine', 'constant', 'linear', 'exponential'] as const;
export type ScheduleName = (typeof scheduleNames)[number];

/**
 * 'weights': the loss of an image counts as much more as its class is rarer. 'sampling': an epoch shows equally many
 * images of each class, those of rare classes more than once.
 */
export const balances = ['weights', 'sampling'] as const;
export type Balance = (typeof balances)[number];

export interface RateDecay {
  factor: number;
  epochs: number;
}

/** The rate decay of the released ImageNet configuration. */
export const releasedDecay: RateDecay = { factor: 0.97, epochs: 2.4 };

/** Random parts of pictures of any size and shape, each resized to a square, as in Inception's preprocessing. */
export interface RandomParts {
  /** Least and largest share of the picture's area. */
  area: readonly [least: number, most: number];
  /** Least and largest width divided by height. */
  aspect: readonly [least: number, most: number];
  /** Whether brightness and saturation are random too. */
  colour: boolean;
}

/** Changes in a row, and their strength from 0 to 10. */
export interface RandAugment {
  operations: number;
  magnitude: number;
}

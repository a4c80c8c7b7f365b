// What a recipe can choose by name: optimizers with their options, schedules of the learning rate. Names and numbers only; optimizer.ts and
// learning-rate.ts make them. Nothing here loads the engine.

/** Options that only this optimizer has. Momentum, Nesterov and weight decay are the recipe's. */
export interface OptimizerOptions {
  momentum: object;
  rmsprop: { decay: number; epsilon: number };
  adam: { beta1: number; beta2: number; epsilon: number };
}

export type OptimizerName = keyof OptimizerOptions;

export type Chosen<Name extends OptimizerName> = { name: Name } & OptimizerOptions[Name];

/** An optimizer by its name with all of its options, as JSON. */
export type OptimizerChoice = { [Name in OptimizerName]: Chosen<Name> }[OptimizerName];

const defaults: { readonly [Name in OptimizerName]: Chosen<Name> } = {
  momentum: { name: 'momentum' },
  rmsprop: { name: 'rmsprop', decay: 0.9, epsilon: 1 }, // released ImageNet configuration, whose momentum is 0.9 too
  adam: { name: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }, // Kingma and Ba, 2015
};

export const optimizerNames = Object.keys(defaults) as OptimizerName[];

/** The optimizer of this name with its default options. */
export const defaultOptimizer = (name: OptimizerName): OptimizerChoice => defaults[name];

export const scheduleNames = ['cosine', 'constant', 'linear', 'exponential'] as const;
export type ScheduleName = (typeof scheduleNames)[number];

export interface RateDecay {
  factor: number;
  epochs: number;
}

/** Released ImageNet configuration. */
export const releasedDecay: RateDecay = { factor: 0.97, epochs: 2.4 };

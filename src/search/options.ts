// The options of strategies with their defaults and reasons: the paper's controller, evolution, the surrogate, our
// variants for small budgets. And their validation.

import { InputError } from '../failure.ts';

/** The controller of the paper's 20,000 trials. "Open": the paper does not give the value. */
export const paperController = {
  hiddenUnits: 100, // one LSTM layer (appendix A.2)
  embeddingSize: 32, // numbers per embedding of the previous choice; open
  initialRange: 0.1, // weights are initialised uniformly in ± this (appendix A.2)
  batchSize: 20, // rewarded architectures per update (appendix A.2)
  epochs: 4, // gradient steps per update, each on the whole batch; open
  clipRange: 0.2, // limits a decision's probability ratio; open, the best in the PPO paper
  learningRate: 0.00035, // of Adam (appendix A.2; that it is Adam is open)
  clipNorm: 5, // largest global norm of the gradient; open, with Adam only a safety net
  entropyWeight: 0.00001, // times the mean entropy of a decision in nats (appendix A.2)
  baselineDecay: 0.95, // of the moving average, per reward (appendix A.2)
  failureWeight: 0, // weight of a failed trial: 0 ignores it, 1 counts it as its batch's worst reward; open
};

export type PpoOptions = typeof paperController;

/**
 * For budgets of about 100 to 200 trials, in which the paper's learning rate has no effect. On simulated rewards (0.3
 * to 0.6, noise 0.015; bench/controller-options.ts, 120 trials, 20 seeds) the mean true reward of the last 30
 * architectures is 0.544, with random search and with the paper's options 0.451; that of the selected one is 0.566,
 * with random search 0.533. At 300 trials batches of 5 and 10 with rates from 0.001 to 0.005 are equally good (0.577 to
 * 0.582).
 */
export const laptopController: Partial<PpoOptions> = {
  batchSize: 5,
  learningRate: 0.002,
};

/**
 * For about 1,500 trials: the paper's batch size with a rate that learns in 75 updates instead of 1,000 (see
 * docs/paper.md).
 */
export const microController: Partial<PpoOptions> = { learningRate: 0.002 };

/** The defaults of regularized evolution. */
const evolutionDefaults = {
  populationSize: 100, // living architectures, and the number of random ones at the start (Real et al., section 3)
  sampleSize: 25, // the best of so many becomes the parent (the same)
};

export type EvolutionOptions = typeof evolutionDefaults;

/** For budgets of about 100 trials, which the paper's population would use up before it evolves. */
export const laptopEvolution: Partial<EvolutionOptions> = { populationSize: 20, sampleSize: 5 };

/** The defaults of the surrogate (docs/experiments/search-variants.md compares them). */
const surrogateDefaults = {
  randomTrials: 10, // at the start, before predictions are of use
  candidates: 200, // proposals that are predicted for each trial: half changed from the best, half random
  parents: 10, // architectures with the best rewards, from which proposals are changed
};

export type SurrogateOptions = typeof surrogateDefaults;

const integerOptions = new Set([
  ...['hiddenUnits', 'embeddingSize', 'batchSize', 'epochs'],
  ...['populationSize', 'sampleSize'],
  ...['randomTrials', 'candidates', 'parents'],
]);
const zeroOptions = new Set(['entropyWeight', 'failureWeight', 'baselineDecay']);

/** Returns the paper's options with the given ones in their place. @throws InputError as `parseOptions` */
export function parsePpoOptions(values: object): PpoOptions {
  const options = parseOptions(values, paperController);
  if (options.baselineDecay >= 1) refuse('baselineDecay to be below 1', `${options.baselineDecay}`);
  return options;
}

/**
 * Returns the defaults of regularized evolution with the given options in their place. @throws InputError as
 * `parseOptions`
 */
export const parseEvolutionOptions = (values: object): EvolutionOptions => parseOptions(values, evolutionDefaults);

/** Returns the surrogate's defaults with the given options in their place. @throws InputError as `parseOptions` */
export const parseSurrogateOptions = (values: object): SurrogateOptions => parseOptions(values, surrogateDefaults);

/**
 * Returns the defaults with the given options in their place.
 * @throws InputError that names the option if its name is unknown, or its value is not a number or out of range
 */
function parseOptions<Options extends Record<string, number>>(values: object, defaults: Options): Options {
  const known = Object.keys(defaults);
  for (const [name, value] of Object.entries(values)) {
    if (!known.includes(name)) refuse(`one of ${known.join(', ')}`, `"${name}"`);
    if (typeof value !== 'number' || !Number.isFinite(value)) refuse(`${name} to be a number`, `${value}`);
    if (integerOptions.has(name) && !Number.isInteger(value)) refuse(`${name} to be a whole number`, `${value}`);
    if (value < 0 || (value === 0 && !zeroOptions.has(name))) refuse(`${name} to be positive`, `${value}`);
  }
  return { ...defaults, ...values };
}

/** Parses the options of strategies without options. @throws InputError if there are any */
export function refuseOptions(values: object): object {
  for (const name of Object.keys(values)) refuse('none', `"${name}"`);
  return {};
}

function refuse(expected: string, got: string): never {
  throw new InputError(`strategy options: expected ${expected}, got ${got}`);
}

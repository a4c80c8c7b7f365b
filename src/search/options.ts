// Options of strategies: the paper's controller, evolution, our variants for small budgets, and how given ones are checked.
// Defaults and their reasons live here and nowhere else.

import { InputError } from '../failure.ts';

/** The controller of the paper's 20,000 trials. "Open": the paper does not say. */
export const paperController = {
  hiddenUnits: 100, // one LSTM layer (appendix A.2)
  embeddingSize: 32, // numbers that stand for the previous choice; open
  initialRange: 0.1, // weights start uniform in ± this (appendix A.2)
  batchSize: 20, // rewarded architectures per update (appendix A.2)
  epochs: 4, // gradient steps per update, each on the whole batch; open
  clipRange: 0.2, // of a decision's probability ratio; open, the PPO paper's best
  learningRate: 0.00035, // of Adam (appendix A.2; that it is Adam is open)
  clipNorm: 5, // largest global norm of the gradient; open, Adam makes it a safety net only
  entropyWeight: 0.00001, // times the mean entropy of a decision in nats (appendix A.2)
  baselineDecay: 0.95, // of the moving average, per reward (appendix A.2)
  failureWeight: 0, // what a failed trial counts: 0 nothing, 1 as much as its batch's worst reward; open
};

export type PpoOptions = typeof paperController;

/**
 * For budgets of about 100 to 200 trials, in which the paper's rate learns nothing. On simulated rewards (0.3 to 0.6,
 * noise 0.015; bench/controller-options.ts, 120 trials, 20 seeds) the last 30 architectures are worth 0.544, random
 * search's and the paper's options' 0.451; the picked one 0.566, random search's 0.533. At 300 trials batches of 5 and 10
 * with rates from 0.001 to 0.005 do equally well (0.577 to 0.582).
 */
export const laptopController: Partial<PpoOptions> = {
  batchSize: 5,
  learningRate: 0.002,
};

/** For about 1,500 trials: the paper's batch at a rate that learns in 75 updates instead of 1,000. The evidence is in docs/paper.md. */
export const microController: Partial<PpoOptions> = { learningRate: 0.002 };

/** Regularized evolution. */
const evolutionDefaults = {
  populationSize: 100, // architectures alive; as many are drawn at random first (Real et al., section 3)
  sampleSize: 25, // of which the best becomes the parent (the same)
};

export type EvolutionOptions = typeof evolutionDefaults;

/** For budgets of about 100 trials: of the paper's population nothing would be left to evolve. */
export const laptopEvolution: Partial<EvolutionOptions> = { populationSize: 20, sampleSize: 5 };

const whole = new Set(['hiddenUnits', 'embeddingSize', 'batchSize', 'epochs', 'populationSize', 'sampleSize']);
const mayBeZero = new Set(['entropyWeight', 'failureWeight', 'baselineDecay']);

/** The paper's options overridden by what was given. @throws InputError as `parseOptions` */
export function parsePpoOptions(given: object): PpoOptions {
  const options = parseOptions(given, paperController);
  if (options.baselineDecay >= 1) refuse('baselineDecay to be below 1', `${options.baselineDecay}`);
  return options;
}

/** Regularized evolution's defaults overridden by what was given. @throws InputError as `parseOptions` */
export const parseEvolutionOptions = (given: object): EvolutionOptions => parseOptions(given, evolutionDefaults);

/**
 * Defaults overridden by what was given. Throws an InputError that names the option for an unknown name, for anything but a
 * number, and for a number that makes no sense.
 */
function parseOptions<Options extends Record<string, number>>(given: object, defaults: Options): Options {
  const known = Object.keys(defaults);
  for (const [name, value] of Object.entries(given)) {
    if (!known.includes(name)) refuse(`one of ${known.join(', ')}`, `"${name}"`);
    if (typeof value !== 'number' || !Number.isFinite(value)) refuse(`${name} to be a number`, `${value}`);
    if (whole.has(name) && !Number.isInteger(value)) refuse(`${name} to be a whole number`, `${value}`);
    if (value < 0 || (value === 0 && !mayBeZero.has(name))) refuse(`${name} to be positive`, `${value}`);
  }
  return { ...defaults, ...given };
}

/** For strategies without options. */
export function refuseOptions(given: object): object {
  for (const name of Object.keys(given)) refuse('none', `"${name}"`);
  return {};
}

function refuse(expected: string, got: string): never {
  throw new InputError(`strategy options: expected ${expected}, got ${got}`);
}

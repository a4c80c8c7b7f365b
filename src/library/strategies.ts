// What decides in a search: the strategies of nasnet by name, or one's own.

import type { EvolutionOptions, PpoOptions } from '../search/options.ts';
import { completeOptions, type Strategy, type StrategyParts, strategyFrom, strategyNames } from '../search/strategy.ts';

/** A strategy of a search: its name and options, which the study keeps, and how one is made. */
export interface StrategyChoice {
  readonly name: string;
  /** All options, as plain JSON. */
  readonly options: object;
  /** A fresh strategy, never asked. Called at every start; what the study knows is then told to it again. */
  create(parts: StrategyParts): Strategy;
}

/** Random search: every decision uniformly at random (the paper's baseline, figure 6). */
export const random = (): StrategyChoice => ours('random', {});

/**
 * The paper's controller, an LSTM that is trained with PPO (section 3.2, appendix A.2). It computes with the engine: `await ready()`
 * first. @param options in place of the paper's; for 100 to 200 trials `{ batchSize: 5, learningRate: 0.002 }`
 * @throws InputError for an option that there is not
 */
export const ppo = (options: Partial<PpoOptions> = {}): StrategyChoice => ours('ppo', options);

/** Regularized evolution (Real et al. 2018). @throws InputError for an option that there is not */
export const evolution = (options: Partial<EvolutionOptions> = {}): StrategyChoice => ours('evolution', options);

function ours(name: string, given: object): StrategyChoice {
  const options = completeOptions(name, { [name]: given });
  return { name, options, create: (parts) => strategyFrom(name, { ...parts, options }) };
}

/**
 * One's own strategy. It must be a deterministic state machine of its calls, with all random numbers from the seed: a search that
 * was killed goes on by loading its last snapshot and repeating the calls after it.
 * @param name is kept by the study, which refuses to go on with another
 * @param create makes a fresh one from `sizes` (how many values each of the 10B decisions has) and `seed`
 */
export function defineStrategy(
  name: string,
  create: (parts: StrategyParts) => Strategy,
  options: Readonly<Record<string, number>> = {},
): StrategyChoice {
  if (strategyNames.includes(name)) throw new TypeError(`"${name}" is the name of a strategy of nasnet's own`);
  return { name, options, create };
}

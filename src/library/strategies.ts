// The strategies of a search: nasnet's, or a custom one.

import type { EvolutionOptions, PpoOptions, SurrogateOptions } from '../search/options.ts';
import { completeOptions, type Strategy, type StrategyParts, strategyFrom, strategyNames } from '../search/strategy.ts';

/** The choice of a strategy: its name and options, which the study stores, and its constructor. */
export interface StrategyChoice {
  readonly name: string;
  /** All options, as plain JSON. */
  readonly options: object;
  /** Creates a new strategy. It is called at every start; then the recorded outcomes are reported to it again. */
  create(parts: StrategyParts): Strategy;
}

/** Random search: samples every decision uniformly (the paper's baseline, figure 6). */
export const random = (): StrategyChoice => builtIn('random', {});

/**
 * The paper's controller, an LSTM that is trained with PPO (section 3.2, appendix A.2). It needs the engine: `await
 * ready()` first.
 * @param options options that differ from the paper's; for 100 to 200 trials `{ batchSize: 5, learningRate: 0.002 }`
 * @throws InputError for an unknown option
 */
export const ppo = (options: Partial<PpoOptions> = {}): StrategyChoice => builtIn('ppo', options);

/** Regularized evolution (Real et al. 2018). @throws InputError for an unknown option */
export const evolution = (options: Partial<EvolutionOptions> = {}): StrategyChoice => builtIn('evolution', options);

/**
 * A regression on the cells of the search predicts many proposals, and the best by Thompson sampling is the next trial.
 * @throws InputError for an unknown option
 */
export const surrogate = (options: Partial<SurrogateOptions> = {}): StrategyChoice => builtIn('surrogate', options);

function builtIn(name: string, values: object): StrategyChoice {
  const options = completeOptions(name, { [name]: values });
  return { name, options, create: (parts) => strategyFrom(name, { ...parts, options }) };
}

/**
 * Defines a custom strategy. It must be a deterministic state machine of its calls, with all random numbers from the
 * seed: a killed search is resumed by loading the last snapshot and repeating the calls after it.
 * @param name a name, which the study stores; it cannot be resumed with a strategy of another name
 * @param create creates a strategy from `sizes` (the number of options of each of the 10B decisions) and `seed`
 */
export function defineStrategy(
  name: string,
  create: (parts: StrategyParts) => Strategy,
  options: Readonly<Record<string, number>> = {},
): StrategyChoice {
  if (strategyNames.includes(name)) throw new TypeError(`"${name}" is the name of a built-in strategy`);
  return { name, options, create };
}

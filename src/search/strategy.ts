// The interface of search strategies, and the table of strategies.
// A strategy knows only decisions and rewards, not training, workers or the study's file.

import { InputError } from '../failure.ts';
import { decisionSizes } from '../space/decisions.ts';
import type { Space } from '../space/search-space.ts';
import { ArmsStrategy, armNames } from './arms-strategy.ts';
import { EvolutionStrategy } from './evolution-strategy.ts';
import { KnownFirst } from './known-first.ts';
import { parseEvolutionOptions, parsePpoOptions, parseSurrogateOptions, refuseOptions } from './options.ts';
import { PpoStrategy } from './ppo-strategy.ts';
import { RandomStrategy } from './random-strategy.ts';
import type { Accepts } from './sample-within.ts';
import { SurrogateStrategy } from './surrogate-strategy.ts';

/**
 * The outcome of a trial: its reward (validation accuracy, or any number that is finite in float32), or the reason for
 * its failure.
 */
export type Outcome = { reward: number } | { failed: string };

/** Figures of a strategy's update for the log and for charts: finite numbers by name. */
export type UpdateFigures = Record<string, number>;

/** How a strategy came to a trial's decisions. It has no influence on any decision. */
export interface Background {
  /** The trial whose decisions were changed; absent where nobody knows it. */
  parent?: number;
  /** The probabilities that the trial was sampled from. */
  policy?: Policy;
}

/** The probabilities of a controller's choices. */
export interface Policy {
  /** The number of updates before it. */
  update: number;
  /** The arm of the controller, in a search of several strategies. */
  arm?: number;
  /** For each decision, per option: the mean of the softmax over architectures that were sampled from it. */
  probabilities: readonly (readonly number[])[];
}

/**
 * A search strategy: a deterministic state machine of its ask and tell calls. Tells may come late, in any order, or
 * never.
 */
export interface Strategy {
  readonly name: string;

  /**
   * Returns the decisions of the architecture to try in this trial: 2 × 5B numbers, each below its decision's size.
   * @throws Error if the trial is open: asked for and not reported yet
   */
  ask(trial: number): number[];

  /**
   * Reports the outcome of a trial. Returns the figures of the update that it led to, undefined if there was none.
   * @throws Error if the trial is not open, or if its reward is not finite
   */
  tell(trial: number, outcome: Outcome): UpdateFigures | undefined;

  /** Reports the reward of decisions that the strategy did not propose, for strategies that can learn from them. */
  learn?(decisions: readonly number[], reward: number, trial?: number): void;

  /** How the strategy came to the decisions of an open trial, for charts; asked for right after `ask`. */
  background?(trial: number): Background | undefined;

  /**
   * Returns the whole state. Equal states give equal bytes, and a strategy that loads them continues exactly as this
   * one.
   */
  save(): Uint8Array;

  /**
   * Replaces the state by a saved one. @throws InputError, and changes nothing, if the bytes do not belong to this
   * strategy
   */
  load(bytes: Uint8Array): void;
}

export interface StrategySettings {
  /** B, blocks per cell. */
  blocks: number;
  /** Default: space A. */
  space?: Space | undefined;
  seed: number | string;
  /** The strategy's options that differ from its defaults. */
  options?: object | undefined;
  /** Whether a proposal is allowed; the strategy samples until it is. Default: all are. */
  accepts?: Accepts | undefined;
  /** Decisions of the first trials, before the strategy decides. */
  known?: readonly (readonly number[])[] | undefined;
}

/** The constructor parameters of every strategy. */
export interface StrategyParts {
  /** The number of options of each decision, in order. */
  sizes: readonly number[];
  /** The space of the decisions. Default: space A. */
  space?: Space | undefined;
  seed: number | string;
  options: object;
  accepts?: Accepts | undefined;
}

interface StrategyKind {
  create(parts: StrategyParts): Strategy;
  /** Returns all options, with the given ones in place of defaults. @throws InputError for an unknown option */
  parseOptions(options: object): object;
}

const strategies: Record<string, StrategyKind> = {
  random: { create: (parts) => new RandomStrategy(parts), parseOptions: refuseOptions },
  ppo: { create: (parts) => new PpoStrategy(parts), parseOptions: parsePpoOptions },
  evolution: { create: (parts) => new EvolutionStrategy(parts), parseOptions: parseEvolutionOptions },
  surrogate: { create: (parts) => new SurrogateStrategy(parts), parseOptions: parseSurrogateOptions },
};

export const strategyNames: readonly string[] = Object.keys(strategies);

/**
 * Creates a strategy over a space's cells of B blocks. Several names separated by commas give a strategy that lets them
 * take turns, whose options are each strategy's options by its name.
 * @throws InputError for an unknown name or option
 */
export function createStrategy(name: string, settings: StrategySettings): Strategy {
  const { blocks, space, seed, options = {}, known = [], accepts } = settings;
  const parts = { sizes: decisionSizes(blocks, space), space, seed, options, accepts };
  const arms = armNames(name);
  const createOne = (arm: string, own: StrategyParts) => kindOf(arm).create(own);
  const strategy = arms.length > 1 ? new ArmsStrategy(arms, parts, createOne) : createOne(name, parts);
  return known.length > 0 ? new KnownFirst(strategy, known, parts.sizes) : strategy;
}

/** Creates a single strategy for decisions of any sizes. @throws InputError as createStrategy */
export const strategyFrom = (name: string, parts: StrategyParts): Strategy => kindOf(name).create(parts);

/**
 * Returns all options of a strategy, or of several by their names. A study stores them, because later versions may have
 * other defaults.
 * @param values options that differ from the defaults, by strategy
 * @throws InputError as createStrategy
 */
export function completeOptions(name: string, values: Record<string, object> = {}): object {
  const complete = (arm: string) => kindOf(arm).parseOptions(values[arm] ?? {});
  const arms = armNames(name);
  return arms.length > 1 ? Object.fromEntries(arms.map((arm) => [arm, complete(arm)])) : complete(name);
}

function kindOf(name: string): StrategyKind {
  if (Object.hasOwn(strategies, name)) return strategies[name]!;
  throw new InputError(`strategy: expected one of ${strategyNames.join(', ')}, got "${name}"`);
}

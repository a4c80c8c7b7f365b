// What a search strategy is, and the strategies that there are.
// A strategy knows decisions and rewards; training, workers and the study's file are somebody else's.

import { InputError } from '../failure.ts';
import { decisionSizes } from '../space/decisions.ts';
import type { Space } from '../space/search-space.ts';
import { ArmsStrategy, armNames } from './arms-strategy.ts';
import type { Accepts } from './draw-within.ts';
import { EvolutionStrategy } from './evolution-strategy.ts';
import { KnownFirst } from './known-first.ts';
import { parseEvolutionOptions, parsePpoOptions, refuseOptions } from './options.ts';
import { PpoStrategy } from './ppo-strategy.ts';
import { RandomStrategy } from './random-strategy.ts';

/** What became of a trial: its reward (validation accuracy, any finite number), or why it has none. */
export type Outcome = { reward: number } | { failed: string };

/** What a strategy says of an update of itself, for the log and for charts: finite numbers by name. */
export type UpdateFigures = Record<string, number>;

/**
 * A deterministic state machine of the sequence of its ask and tell calls. Tells may come late, in any order, or never.
 */
export interface Strategy {
  readonly name: string;

  /**
   * The decisions of the architecture to try as this trial: 2 × 5B numbers, each below its decision's size.
   * Throws an Error if the trial was asked for and not yet told.
   */
  ask(trial: number): number[];

  /**
   * Learns what became of a trial. Returns the figures of the update that this led to, undefined where there was none.
   * Throws an Error if the trial was never asked for or already told, or if its reward is not finite.
   */
  tell(trial: number, outcome: Outcome): UpdateFigures | undefined;

  /** Learns of decisions that it did not make itself, for strategies that can. */
  learn?(decisions: readonly number[], reward: number): void;

  /** The whole state: equal states give equal bytes, and what follows load() is what would have followed here. */
  save(): Uint8Array;

  /** Takes over a saved state, whatever was asked and told before. Throws an InputError and changes nothing if the bytes do not fit. */
  load(bytes: Uint8Array): void;
}

export interface StrategySettings {
  /** B, blocks per cell. */
  blocks: number;
  /** Default: space A. */
  space?: Space | undefined;
  seed: number | string;
  /** Values of the strategy's own options that are not its defaults. */
  options?: object | undefined;
  /** What the strategy may propose; it draws again until this is kept. */
  accepts?: Accepts | undefined;
  /** Decisions of the first trials, before the strategy's own. */
  known?: readonly (readonly number[])[] | undefined;
}

/** What every strategy is built from. */
export interface StrategyParts {
  /** How many options each decision has, in the order of the decisions. */
  sizes: readonly number[];
  seed: number | string;
  options: object;
  accepts?: Accepts | undefined;
}

interface StrategyKind {
  create(parts: StrategyParts): Strategy;
  /** All options, the given ones in place of their defaults. Throws an InputError for one that there is not. */
  parseOptions(given: object): object;
}

const strategies: Record<string, StrategyKind> = {
  random: { create: (parts) => new RandomStrategy(parts), parseOptions: refuseOptions },
  ppo: { create: (parts) => new PpoStrategy(parts), parseOptions: parsePpoOptions },
  evolution: { create: (parts) => new EvolutionStrategy(parts), parseOptions: parseEvolutionOptions },
};

export const strategyNames: readonly string[] = Object.keys(strategies);

/**
 * A fresh strategy over a space's cells of B blocks; of several names with commas between them, one that lets them take turns, whose
 * options are each one's by its name. Throws an InputError for an unknown name or option.
 */
export function createStrategy(name: string, settings: StrategySettings): Strategy {
  const { blocks, space, seed, options = {}, known = [], accepts } = settings;
  const parts = { sizes: decisionSizes(blocks, space), seed, options, accepts };
  const arms = armNames(name);
  const createOne = (arm: string, own: StrategyParts) => kindOf(arm).create(own);
  const strategy = arms.length > 1 ? new ArmsStrategy(arms, parts, createOne) : createOne(name, parts);
  return known.length > 0 ? new KnownFirst(strategy, known, parts.sizes) : strategy;
}

/** A fresh strategy of one name for decisions of any sizes. Throws as createStrategy. */
export const strategyFrom = (name: string, parts: StrategyParts): Strategy => kindOf(name).create(parts);

/**
 * All options of a strategy, or of several by their names, so that a study can keep them: a later version may have other defaults.
 * `given`: those that are not defaults, by strategy. Throws as createStrategy.
 */
export function completeOptions(name: string, given: Record<string, object> = {}): object {
  const complete = (arm: string) => kindOf(arm).parseOptions(given[arm] ?? {});
  const arms = armNames(name);
  return arms.length > 1 ? Object.fromEntries(arms.map((arm) => [arm, complete(arm)])) : complete(name);
}

function kindOf(name: string): StrategyKind {
  if (Object.hasOwn(strategies, name)) return strategies[name]!;
  throw new InputError(`strategy: expected one of ${strategyNames.join(', ')}, got "${name}"`);
}

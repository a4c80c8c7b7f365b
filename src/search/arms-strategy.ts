// Runs several strategies in one search. Each is an arm with its own trials, seed and state. They take turns, so all
// have the same budget at any time, and no arm learns from another's outcomes.

import { readState, type StrategyState, writeState } from './saved-state.ts';
import type { Background, Outcome, Strategy, StrategyParts, UpdateFigures } from './strategy.ts';

/** Splits a strategy's name into its arms: 'ppo,random' has two, 'ppo' one. */
export const armNames = (name: string): string[] => name.split(',').map((arm) => arm.trim());

/** Returns the number of arms of a strategy's name. */
export const armCount = (name: string): number => armNames(name).length;

/** Returns the arm of a trial: arms take turns from trial 0 on. */
export const armOf = (trial: number, arms: number): number => trial % arms;

/** Returns a label for each arm: its strategy, numbered if several arms have the same one ("ppo 1", "ppo 2"). */
export function armLabels(names: readonly string[]): string[] {
  const count = (list: readonly string[], name: string) => list.filter((other) => other === name).length;
  return names.map((name, index) =>
    count(names, name) > 1 ? `${name} ${count(names.slice(0, index + 1), name)}` : name,
  );
}

export class ArmsStrategy implements Strategy {
  readonly name: string;
  readonly #arms: readonly Strategy[];
  readonly #sizes: readonly number[];
  readonly #options: Record<string, unknown>;

  /** `options` has the options of each strategy by its name. */
  constructor(names: readonly string[], { sizes, space, seed, options, accepts }: StrategyParts, create: CreateArm) {
    this.name = names.join(',');
    this.#sizes = sizes;
    const own = options as Record<string, object>;
    this.#arms = names.map((name, arm) =>
      create(name, { sizes, space, seed: `${seed}, arm ${arm}`, options: own[name] ?? {}, accepts }),
    );
    this.#options = Object.fromEntries(
      Object.entries(own).flatMap(([name, values]) =>
        Object.entries(values).map(([option, value]) => [`${name}.${option}`, value]),
      ),
    );
  }

  ask(trial: number): number[] {
    return this.#arms[this.#turnOf(trial)]!.ask(trial);
  }

  /** Adds the arm's index to its figures. */
  tell(trial: number, outcome: Outcome): UpdateFigures | undefined {
    const arm = this.#turnOf(trial);
    const figures = this.#arms[arm]!.tell(trial, outcome);
    return figures && { arm, ...figures };
  }

  /** Lets every arm learn. */
  learn(decisions: readonly number[], reward: number, trial?: number): void {
    for (const arm of this.#arms) arm.learn?.(decisions, reward, trial);
  }

  background(trial: number): Background | undefined {
    const arm = this.#turnOf(trial);
    const { policy, ...background } = this.#arms[arm]!.background?.(trial) ?? {};
    return { ...background, ...(policy && { policy: { ...policy, arm } }) };
  }

  /** Returns the arm of a trial; the first for an invalid number, which any arm refuses. */
  #turnOf(trial: number): number {
    return Number.isSafeInteger(trial) && trial >= 0 ? armOf(trial, this.#arms.length) : 0;
  }

  save(): Uint8Array {
    const parts = Object.fromEntries(this.#arms.map((arm, index) => [partOf(index), arm.save()]));
    const { name: strategy } = this;
    return writeState({ strategy, sizes: this.#sizes, options: this.#options, state: {}, arrays: {}, parts });
  }

  load(bytes: Uint8Array): void {
    const saved = readState(bytes, { strategy: this.name, sizes: this.#sizes, options: this.#options });
    this.#arms.forEach((arm, index) => {
      arm.load(saved.parts[partOf(index)] ?? olderPart(saved, index));
    });
  }
}

type CreateArm = (name: string, parts: StrategyParts) => Strategy;

const partOf = (arm: number) => `arm ${arm}`;

/** Version 1 stored an arm's bytes among the arrays, padded with zeros, and their count in the state. */
function olderPart({ state, arrays }: Pick<StrategyState, 'state' | 'arrays'>, arm: number): Uint8Array {
  const { bytes } = state as { bytes: number[] };
  return new Uint8Array(arrays[partOf(arm)]!.buffer, 0, bytes[arm]);
}

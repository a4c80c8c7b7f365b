// Several strategies side by side in one search, each an arm with trials, seed and state of its own. They take turns, so that all
// have the same budget at any time; no arm learns of another's outcomes.

import { readState, type StrategyState, writeState } from './saved-state.ts';
import type { Outcome, Strategy, StrategyParts, UpdateFigures } from './strategy.ts';

/** 'ppo,random' names two arms, 'ppo' one strategy. */
export const armNames = (name: string): string[] => name.split(',').map((arm) => arm.trim());

/** The arm whose turn a trial is: arms take turns from trial 0 on. */
export const armOf = (trial: number, arms: number): number => trial % arms;

/** What to call each arm: its strategy, numbered where several arms have the same one ("ppo 1", "ppo 2"). */
export function armLabels(names: readonly string[]): string[] {
  const count = (some: readonly string[], name: string) => some.filter((other) => other === name).length;
  return names.map((name, index) =>
    count(names, name) > 1 ? `${name} ${count(names.slice(0, index + 1), name)}` : name,
  );
}

export class ArmsStrategy implements Strategy {
  readonly name: string;
  readonly #arms: readonly Strategy[];
  readonly #sizes: readonly number[];
  readonly #options: Record<string, unknown>;

  /** `options`: those of each strategy by its name. */
  constructor(names: readonly string[], { sizes, seed, options, accepts }: StrategyParts, create: CreateArm) {
    this.name = names.join(',');
    this.#sizes = sizes;
    const own = options as Record<string, object>;
    this.#arms = names.map((name, arm) =>
      create(name, { sizes, seed: `${seed}, arm ${arm}`, options: own[name] ?? {}, accepts }),
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

  /** An arm's figures say which arm it is. */
  tell(trial: number, outcome: Outcome): UpdateFigures | undefined {
    const arm = this.#turnOf(trial);
    const figures = this.#arms[arm]!.tell(trial, outcome);
    return figures && { arm, ...figures };
  }

  /** For every arm. */
  learn(decisions: readonly number[], reward: number): void {
    for (const arm of this.#arms) arm.learn?.(decisions, reward);
  }

  /** What is no trial's number is for any arm to refuse. */
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

/** Before states had parts, an arm's bytes stood among the numbers, filled up with zeros, and their count in the state. */
function olderPart({ state, arrays }: Pick<StrategyState, 'state' | 'arrays'>, arm: number): Uint8Array {
  const { bytes } = state as { bytes: number[] };
  return new Uint8Array(arrays[partOf(arm)]!.buffer, 0, bytes[arm]);
}

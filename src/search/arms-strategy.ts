// Runs several strategies in one search. Each is an arm with its own trials, seed and state. They take turns, so all
// have the same budget at any time, and no arm learns from another's outcomes.

import { readState, writeState } from './saved-state.ts';
import type { Outcome, Strategy, StrategyParts } from './strategy.ts';

/** Splits a strategy's name into its arms: 'ppo,random' has two, 'ppo' one. */
export const armNames = (name: string): string[] => name.split(',').map((arm) => arm.trim());

interface State {
  /** The arm that updated itself last; −1 before the first update. */
  updated: number;
  /** Length of each arm's saved state. */
  bytes: number[];
}

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
  #updated = -1;

  /** `options` has the options of each strategy by its name. */
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

  tell(trial: number, outcome: Outcome): void {
    const index = this.#turnOf(trial);
    const arm = this.#arms[index]!;
    const before = figuresOf(arm);
    arm.tell(trial, outcome);
    if (figuresOf(arm) !== before) this.#updated = index;
  }

  /** Lets every arm learn. */
  learn(decisions: readonly number[], reward: number): void {
    for (const arm of this.#arms) arm.learn?.(decisions, reward);
  }

  /** Returns the arm of a trial; the first for an invalid number, which any arm refuses. */
  #turnOf(trial: number): number {
    return Number.isSafeInteger(trial) && trial >= 0 ? armOf(trial, this.#arms.length) : 0;
  }

  /** Returns the diagnostics of the arm that was updated last, and its index. */
  diagnostics(): Record<string, number> {
    const arm = this.#arms[this.#updated];
    return arm ? { arm: this.#updated, ...arm.diagnostics?.() } : {};
  }

  save(): Uint8Array {
    const states = this.#arms.map((arm) => arm.save());
    const state: State = { updated: this.#updated, bytes: states.map(({ length }) => length) };
    const arrays = Object.fromEntries(states.map((bytes, arm) => [`arm ${arm}`, asFloats(bytes)]));
    return writeState({ strategy: this.name, sizes: this.#sizes, options: this.#options, state, arrays });
  }

  load(bytes: Uint8Array): void {
    const saved = readState(bytes, { strategy: this.name, sizes: this.#sizes, options: this.#options });
    const { updated, bytes: lengths } = saved.state as State;
    this.#arms.forEach((arm, index) => {
      const { buffer, byteOffset } = saved.arrays[`arm ${index}`]!;
      arm.load(new Uint8Array(buffer, byteOffset, lengths[index]!));
    });
    this.#updated = updated;
  }
}

type CreateArm = (name: string, parts: StrategyParts) => Strategy;

const figuresOf = (strategy: Strategy) => JSON.stringify(strategy.diagnostics?.() ?? {});

/** Bytes as the float32 values that saved states consist of, filled up with zeros; they are never computed with. */
function asFloats(bytes: Uint8Array): Float32Array {
  const padded = new Uint8Array(4 * Math.ceil(bytes.length / 4));
  padded.set(bytes);
  return new Float32Array(padded.buffer);
}

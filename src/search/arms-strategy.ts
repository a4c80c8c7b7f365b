// Several strategies side by side in one search, each an arm with trials, seed and state of its own. They take turns, so that all
// have the same budget at any time; no arm learns of another's outcomes.

import { readState, writeState } from './saved-state.ts';
import type { Outcome, Strategy, StrategyParts, UpdateFigures } from './strategy.ts';

/** 'ppo,random' names two arms, 'ppo' one strategy. */
export const armNames = (name: string): string[] => name.split(',').map((arm) => arm.trim());

interface State {
  /** Length of each arm's saved state. */
  bytes: number[];
}

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
    const states = this.#arms.map((arm) => arm.save());
    const state: State = { bytes: states.map(({ length }) => length) };
    const arrays = Object.fromEntries(states.map((bytes, arm) => [`arm ${arm}`, asFloats(bytes)]));
    return writeState({ strategy: this.name, sizes: this.#sizes, options: this.#options, state, arrays });
  }

  load(bytes: Uint8Array): void {
    const saved = readState(bytes, { strategy: this.name, sizes: this.#sizes, options: this.#options });
    const { bytes: lengths } = saved.state as State;
    this.#arms.forEach((arm, index) => {
      const { buffer, byteOffset } = saved.arrays[`arm ${index}`]!;
      arm.load(new Uint8Array(buffer, byteOffset, lengths[index]!));
    });
  }
}

type CreateArm = (name: string, parts: StrategyParts) => Strategy;

/** Bytes as the float32 values that saved states consist of, filled up with zeros; they are never computed with. */
function asFloats(bytes: Uint8Array): Float32Array {
  const padded = new Uint8Array(4 * Math.ceil(bytes.length / 4));
  padded.set(bytes);
  return new Float32Array(padded.buffer);
}

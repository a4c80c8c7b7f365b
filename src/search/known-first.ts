// Warm start: known cells are the first trials of a search, before its strategy decides. Their rewards are reported to
// a strategy that can learn from architectures it did not propose (evolution), but not to the controller, because PPO
// learns only from its own samples.

import { PendingTrials } from './pending.ts';
import { readState, writeState } from './saved-state.ts';
import type { Background, Outcome, Strategy, UpdateFigures } from './strategy.ts';

interface State {
  pending: number[];
  /** The strategy's state in base64, as version 1 stored it. */
  inner?: string;
}

export class KnownFirst implements Strategy {
  readonly #strategy: Strategy;
  readonly #known: readonly (readonly number[])[];
  readonly #sizes: readonly number[];
  readonly #pending = new PendingTrials<readonly number[]>();

  /** `known` are the decisions of trials 0, 1 …; the strategy decides all later trials. */
  constructor(strategy: Strategy, known: readonly (readonly number[])[], sizes: readonly number[]) {
    this.#strategy = strategy;
    this.#known = known;
    this.#sizes = sizes;
  }

  get name(): string {
    return this.#strategy.name;
  }

  ask(trial: number): number[] {
    const known = this.#known[trial];
    if (!known) return this.#strategy.ask(trial);
    this.#pending.open(trial, known);
    return [...known];
  }

  tell(trial: number, outcome: Outcome): UpdateFigures | undefined {
    if (!this.#known[trial]) return this.#strategy.tell(trial, outcome);
    const decisions = this.#pending.close(trial, outcome);
    if ('reward' in outcome) this.learn(decisions, outcome.reward, trial);
    return undefined;
  }

  learn(decisions: readonly number[], reward: number, trial?: number): void {
    this.#strategy.learn?.(decisions, reward, trial);
  }

  background(trial: number): Background | undefined {
    return this.#known[trial] ? undefined : this.#strategy.background?.(trial);
  }

  save(): Uint8Array {
    const state: State = { pending: this.#pending.entries().map(([trial]) => trial) };
    const parts = { inner: this.#strategy.save() };
    return writeState({ strategy: this.name, sizes: this.#sizes, options: this.#options, state, arrays: {}, parts });
  }

  load(bytes: Uint8Array): void {
    const saved = readState(bytes, { strategy: this.name, sizes: this.#sizes, options: this.#options });
    const { pending, inner = '' } = saved.state as State;
    this.#strategy.load(saved.parts.inner ?? Buffer.from(inner, 'base64'));
    this.#pending.replace(pending.map((trial) => [trial, this.#known[trial]!]));
  }

  /** The options under which a state is valid: the same known cells. */
  get #options(): Record<string, string> {
    return Object.fromEntries(this.#known.map((decisions, trial) => [`known ${trial}`, decisions.join()]));
  }
}

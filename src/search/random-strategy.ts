// Random search: samples every decision uniformly, independent of rewards (the paper's baseline, figure 6).

import { RandomStream } from '../random/stream.ts';
import { refuseOptions } from './options.ts';
import { PendingTrials } from './pending.ts';
import { type Accepts, sampleWithin } from './sample-within.ts';
import { readState, writeState } from './saved-state.ts';
import type { Outcome, Strategy, StrategyParts } from './strategy.ts';

interface State {
  random: string;
  pending: [trial: number, sample: true][];
}

/** A trial's decisions depend only on the seed and the trial's number. Has no options. */
export class RandomStrategy implements Strategy {
  readonly name = 'random';
  readonly #sizes: readonly number[];
  readonly #accepts: Accepts;
  readonly #pending = new PendingTrials<true>();
  #random: RandomStream;

  constructor({ sizes, seed, options, accepts = () => true }: StrategyParts) {
    refuseOptions(options);
    this.#sizes = sizes;
    this.#accepts = accepts;
    this.#random = new RandomStream(seed).split('random search');
  }

  ask(trial: number): number[] {
    this.#pending.open(trial, true);
    const random = this.#random.split(`trial ${trial}`);
    const sample = () => this.#sizes.map((size) => random.integer(size));
    return sampleWithin(this.#accepts, sample, (decisions) => decisions);
  }

  tell(trial: number, outcome: Outcome): undefined {
    this.#pending.close(trial, outcome);
  }

  save(): Uint8Array {
    const state: State = { random: this.#random.save(), pending: this.#pending.entries() };
    return writeState({ strategy: this.name, sizes: this.#sizes, options: {}, state, arrays: {} });
  }

  load(bytes: Uint8Array): void {
    const saved = readState(bytes, { strategy: this.name, sizes: this.#sizes, options: {} });
    const { random, pending } = saved.state as State;
    this.#random = RandomStream.load(random);
    this.#pending.replace(pending);
  }
}

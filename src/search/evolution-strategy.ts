// Regularized evolution (Real, Aggarwal, Huang, Le: Regularized Evolution for Image Classifier Architecture Search,
// 2019): a population of the latest architectures; the best of a random sample is the parent of a child with one
// changed decision; the oldest dies.

import { RandomStream } from '../random/stream.ts';
import { withOneChange } from './mutation.ts';
import { type EvolutionOptions, parseEvolutionOptions } from './options.ts';
import { PendingTrials } from './pending.ts';
import { type Accepts, sampleWithin } from './sample-within.ts';
import { readState, writeState } from './saved-state.ts';
import type { Background, Outcome, Strategy, StrategyParts } from './strategy.ts';

interface Member {
  decisions: number[];
  reward: number;
  /** Absent in states of 0.1.0, and for a cell that was no trial. */
  trial?: number;
}

interface State {
  random: string;
  asked: number;
  pending: [trial: number, decisions: number[]][];
  population: Member[];
}

export class EvolutionStrategy implements Strategy {
  readonly name = 'evolution';
  readonly #sizes: readonly number[];
  readonly #options: EvolutionOptions;
  readonly #accepts: Accepts;
  readonly #pending = new PendingTrials<number[]>();
  #random: RandomStream;
  #asked = 0;
  #population: Member[] = []; // oldest first
  #parent: { of: number; trial: number | undefined } | undefined; // of the latest trial that was asked for

  constructor({ sizes, seed, options, accepts = () => true }: StrategyParts) {
    this.#sizes = sizes;
    this.#accepts = accepts;
    this.#options = parseEvolutionOptions(options);
    this.#random = new RandomStream(seed).split('evolution');
  }

  ask(trial: number): number[] {
    // With many workers the population can be empty when the first child is asked for.
    const isRandom = this.#asked < this.#options.populationSize || this.#population.length === 0;
    const random = this.#random.split(`ask ${this.#asked}`); // a refused ask must not change the stream
    this.#parent = undefined;
    const sample = () => (isRandom ? this.#sizes.map((size) => random.integer(size)) : this.#child(random, trial));
    const decisions = sampleWithin(this.#accepts, sample, (candidate) => candidate);
    this.#pending.open(trial, decisions);
    this.#asked++;
    return [...decisions];
  }

  /** A failed trial adds no member. */
  tell(trial: number, outcome: Outcome): undefined {
    const decisions = this.#pending.close(trial, outcome);
    if ('reward' in outcome) this.learn(decisions, outcome.reward, trial);
  }

  /** Adds a member to the population. */
  learn(decisions: readonly number[], reward: number, trial?: number): void {
    this.#population.push({ decisions: [...decisions], reward, ...(trial !== undefined && { trial }) });
    if (this.#population.length > this.#options.populationSize) this.#population.shift();
  }

  background(trial: number): Background | undefined {
    const parent = this.#parent?.of === trial ? this.#parent.trial : undefined;
    return parent === undefined ? undefined : { parent };
  }

  /** Changes one decision (an input, an operation or a combiner) of the best member of a sample with replacement. */
  #child(random: RandomStream, trial: number): number[] {
    const sample = Array.from({ length: this.#options.sampleSize }, () => {
      return this.#population[random.integer(this.#population.length)]!;
    });
    const parent = sample.reduce((best, member) => (member.reward > best.reward ? member : best));
    this.#parent = { of: trial, trial: parent.trial };
    return withOneChange(parent.decisions, this.#sizes, random);
  }

  save(): Uint8Array {
    const [random, pending] = [this.#random.save(), this.#pending.entries()];
    const state: State = { random, asked: this.#asked, pending, population: this.#population };
    return writeState({ strategy: this.name, sizes: this.#sizes, options: this.#options, state, arrays: {} });
  }

  load(bytes: Uint8Array): void {
    const saved = readState(bytes, { strategy: this.name, sizes: this.#sizes, options: this.#options });
    const { random, asked, pending, population } = saved.state as State;
    this.#random = RandomStream.load(random);
    this.#asked = asked;
    this.#pending.replace(pending);
    this.#population = population;
  }
}

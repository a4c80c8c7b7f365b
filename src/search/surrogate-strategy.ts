// The surrogate: a regression on the search's own cells predicts the rewards of many proposals, and the best of them is
// trained. Predictions are made with weights sampled from the posterior (Thompson sampling), so that proposals of which
// little is known are tried as well. An architecture is asked for once only, while there are others.

import { RandomStream } from '../random/stream.ts';
import { architectureKey } from '../space/canonical.ts';
import { decode } from '../space/decisions.ts';
import { defaultSpace, type Space } from '../space/search-space.ts';
import { CellFeatures } from './cell-features.ts';
import { LinearRegression, predict, sampleWeights } from './linear-regression.ts';
import { withOneChange } from './mutation.ts';
import { parseSurrogateOptions, type SurrogateOptions } from './options.ts';
import { PendingTrials } from './pending.ts';
import { type Accepts, sampleWithin } from './sample-within.ts';
import { readState, writeState } from './saved-state.ts';
import type { Outcome, Strategy, StrategyParts } from './strategy.ts';

interface Rewarded {
  decisions: number[];
  reward: number;
}

interface State {
  random: string;
  /** Decisions of all asks, in their order. */
  asked: number[][];
  pending: [trial: number, decisions: number[]][];
  /** In the order of the tells. */
  rewarded: Rewarded[];
}

const maxChanges = 3; // decisions in which a proposal differs from its parent, at least one

export class SurrogateStrategy implements Strategy {
  readonly name = 'surrogate';
  readonly #sizes: readonly number[];
  readonly #space: Space;
  readonly #options: SurrogateOptions;
  readonly #accepts: Accepts;
  readonly #features: CellFeatures;
  readonly #pending = new PendingTrials<number[]>();
  readonly #known = new Set<string>(); // keys of all cells that were asked for or learned from
  #random: RandomStream;
  #asked: number[][] = [];
  #rewarded: Rewarded[] = [];
  #regression: LinearRegression;

  constructor({ sizes, space = defaultSpace, seed, options, accepts = () => true }: StrategyParts) {
    this.#sizes = sizes;
    this.#space = space;
    this.#accepts = accepts;
    this.#options = parseSurrogateOptions(options);
    this.#random = new RandomStream(seed).split('surrogate');
    this.#features = new CellFeatures(sizes, space, new RandomStream('cell features'));
    this.#regression = new LinearRegression(this.#features.count);
  }

  ask(trial: number): number[] {
    this.#pending.refuse(trial);
    const random = this.#random.split(`ask ${this.#asked.length}`); // a refused ask must not change the stream
    const proposals = this.#proposals(random);
    const decisions = sampleWithin(
      this.#accepts,
      () => proposals.next().value,
      (candidate) => candidate,
    );
    this.#pending.open(trial, decisions);
    this.#asked.push(decisions);
    this.#known.add(this.#keyOf(decisions));
    return [...decisions];
  }

  /** A failed trial is not learned from, and not asked for again. */
  tell(trial: number, outcome: Outcome): undefined {
    const decisions = this.#pending.close(trial, outcome);
    if ('reward' in outcome) this.learn(decisions, outcome.reward);
  }

  learn(decisions: readonly number[], reward: number): void {
    this.#rewarded.push({ decisions: [...decisions], reward });
    this.#observe(decisions, reward);
  }

  #observe(decisions: readonly number[], reward: number): void {
    this.#known.add(this.#keyOf(decisions));
    this.#regression.observe(this.#features.of(decisions), reward);
  }

  /** Generates architectures without end, the most promising first; known ones only if a whole batch is known. */
  *#proposals(random: RandomStream): Generator<number[], never> {
    while (true) {
      const batch = this.#batch(random);
      const isKnown = (decisions: number[]) => this.#known.has(this.#keyOf(decisions));
      if (batch.every(isKnown)) yield* batch;
      for (const decisions of batch) if (!isKnown(decisions)) yield decisions;
    }
  }

  /** Returns random architectures at the start, then candidates in the order of their sampled predictions. */
  #batch(random: RandomStream): number[][] {
    const { candidates, randomTrials } = this.#options;
    const sample = () => this.#sizes.map((size) => random.integer(size));
    const isRandom = this.#asked.length < randomTrials || this.#regression.count < 2;
    if (isRandom) return [sample()];
    const weights = sampleWeights(this.#regression.posterior(), random);
    const parents = this.#rewarded.toSorted((a, b) => b.reward - a.reward).slice(0, this.#options.parents);
    return Array.from({ length: candidates }, (_, index) => {
      const decisions = index % 2 === 0 ? this.#changed(parents, random) : sample();
      return { decisions, prediction: predict(weights, this.#features.of(decisions)) };
    })
      .sort((a, b) => b.prediction - a.prediction)
      .map(({ decisions }) => decisions);
  }

  #changed(parents: readonly Rewarded[], random: RandomStream): number[] {
    let { decisions } = parents[random.integer(parents.length)]!;
    for (let changes = 1 + random.integer(maxChanges); changes > 0; changes--) {
      decisions = withOneChange(decisions, this.#sizes, random);
    }
    return decisions;
  }

  #keyOf(decisions: readonly number[]): string {
    return architectureKey(decode(decisions, this.#space));
  }

  save(): Uint8Array {
    const [random, pending] = [this.#random.save(), this.#pending.entries()];
    const state: State = { random, asked: this.#asked, pending, rewarded: this.#rewarded };
    return writeState({ strategy: this.name, sizes: this.#sizes, options: this.#options, state, arrays: {} });
  }

  /** Repeats the observations in their order, which gives the same regression to the bit. */
  load(bytes: Uint8Array): void {
    const saved = readState(bytes, { strategy: this.name, sizes: this.#sizes, options: this.#options });
    const { random, asked, pending, rewarded } = saved.state as State;
    this.#random = RandomStream.load(random);
    this.#asked = asked;
    this.#rewarded = rewarded;
    this.#pending.replace(pending);
    this.#known.clear();
    for (const decisions of asked) this.#known.add(this.#keyOf(decisions));
    this.#regression = new LinearRegression(this.#features.count);
    for (const { decisions, reward } of rewarded) this.#observe(decisions, reward);
  }
}

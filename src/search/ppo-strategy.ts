// The paper's strategy: a controller learns by PPO from the rewards of the architectures that it samples (section 3.1,
// appendix A.2).
// This file keeps the strategy's state: open trials, the current batch, the baseline, and when to update.

import { tensor } from '../engine/create.ts';
import { setThreads, threads } from '../engine/machine.ts';
import { scope } from '../engine/memory.ts';
import type { Tensor } from '../engine/tensor.ts';
import { Adam } from '../nn/optimizers.ts';
import { RandomStream } from '../random/stream.ts';
import { advantages, firstBaseline, updatedBaseline } from './advantages.ts';
import { Controller } from './controller.ts';
import { type PpoOptions, parsePpoOptions } from './options.ts';
import { PendingTrials } from './pending.ts';
import { update } from './ppo.ts';
import { type Accepts, sampleWithin } from './sample-within.ts';
import { type Sample, sampleArchitectures, sampleWithPolicy } from './sampler.ts';
import { readState, writeState } from './saved-state.ts';
import type { Background, Outcome, Policy, Strategy, StrategyParts, UpdateFigures } from './strategy.ts';

/** A finished trial of the current batch; reward null: it failed. */
interface FinishedTrial extends Sample {
  reward: number | null;
}

/** The state except weights and moments. Samples keep the log-probabilities with which they were sampled. */
interface State {
  random: string;
  pending: [trial: number, sample: Sample][];
  batch: FinishedTrial[];
  baseline: number | null;
  updates: number;
  steps: number; // of the optimizer
}

const samplesAtOnce = 20; // consecutive trials that are sampled together, and again after the weights have changed

export class PpoStrategy implements Strategy {
  readonly name = 'ppo';
  readonly #sizes: readonly number[];
  readonly #options: PpoOptions;
  readonly #controller: Controller;
  readonly #optimizer: Adam;
  readonly #accepts: Accepts;
  readonly #pending = new PendingTrials<Sample>();
  #sampled: { first: number; samples: Sample[] } | undefined; // with the current weights; undefined after they changed
  #random: RandomStream;
  #batch: FinishedTrial[] = [];
  #baseline: number | null = null; // null before the first update
  #updates = 0;
  #policy: Policy | undefined; // of the latest sample

  constructor({ sizes, seed, options, accepts = () => true }: StrategyParts) {
    this.#options = parsePpoOptions(options);
    this.#sizes = sizes;
    this.#accepts = accepts;
    const random = new RandomStream(seed).split('ppo');
    this.#controller = new Controller(sizes, this.#options, random.split('weights'));
    this.#optimizer = new Adam(this.#controller.namedParameters());
    this.#random = random.split('trials');
  }

  /**
   * Samples from the controller's current policy with random numbers that depend on the seed and the trial's number.
   */
  ask(trial: number): number[] {
    this.#pending.refuse(trial);
    const first = trial - (trial % samplesAtOnce);
    if (this.#sampled?.first !== first) this.#sampled = { first, samples: this.#sample(first) };
    const firstSample = this.#sampled.samples[trial - first]!;
    const resample = (attempt: number) =>
      sampleArchitectures(this.#controller, [this.#random.split(`trial ${trial}, attempt ${attempt}`)]);
    const sample = sampleWithin(
      this.#accepts,
      (attempt) => (attempt === 0 ? firstSample : onOneThread(() => resample(attempt))[0]!),
      ({ decisions }) => decisions,
    );
    this.#pending.open(trial, sample);
    return [...sample.decisions];
  }

  /**
   * Samples a fixed group of trials together, so that a trial's architecture does not depend on which others are asked
   * for.
   */
  #sample(first: number): Sample[] {
    const randoms = Array.from({ length: samplesAtOnce }, (_, index) => this.#random.split(`trial ${first + index}`));
    const { samples, probabilities } = onOneThread(() => sampleWithPolicy(this.#controller, randoms));
    this.#policy = { update: this.#updates, probabilities };
    return samples;
  }

  background(): Background | undefined {
    return this.#policy && { policy: this.#policy };
  }

  /**
   * Adds a trial to the batch and updates the controller when the batch is full. A failed trial is ignored unless
   * failureWeight is above 0; it never changes the baseline.
   */
  tell(trial: number, outcome: Outcome): UpdateFigures | undefined {
    const sample = this.#pending.close(trial, outcome);
    if ('reward' in outcome) this.#batch.push({ ...sample, reward: outcome.reward });
    else if (this.#options.failureWeight > 0) this.#batch.push({ ...sample, reward: null });
    const rewarded = this.#batch.filter(({ reward }) => reward !== null);
    return rewarded.length === this.#options.batchSize ? this.#update() : undefined;
  }

  #update(): UpdateFigures {
    const rewards = this.#batch.map(({ reward }) => reward);
    const baseline = this.#baseline ?? firstBaseline(rewards);
    const gains = advantages(rewards, baseline, this.#options.failureWeight);
    const batch = this.#batch.map((sample, index) => ({ ...sample, advantage: gains[index]! }));
    const figures = onOneThread(() => update(this.#controller, this.#optimizer, batch, this.#options));

    this.#baseline =
      this.#baseline === null ? baseline : updatedBaseline(baseline, rewards, this.#options.baselineDecay);
    this.#batch = [];
    this.#sampled = undefined;
    this.#updates += 1;
    const meanAdvantage = gains.reduce((sum, gain) => sum + gain, 0) / gains.length;
    return { update: this.#updates, baseline, meanAdvantage, ...figures };
  }

  save(): Uint8Array {
    const state: State = {
      random: this.#random.save(),
      pending: this.#pending.entries(),
      batch: this.#batch,
      baseline: this.#baseline,
      updates: this.#updates,
      steps: this.#optimizer.stepsTaken,
    };
    const tensors = { ...this.#controller.stateDict(), ...this.#optimizer.state() };
    const arrays = Object.fromEntries(
      Object.entries(tensors).map(([name, values]) => [name, values.toArray() as Float32Array]),
    );
    return writeState({ strategy: this.name, sizes: this.#sizes, options: this.#options, state, arrays });
  }

  load(bytes: Uint8Array): void {
    const saved = readState(bytes, { strategy: this.name, sizes: this.#sizes, options: this.#options });
    const state = saved.state as State;
    scope(() => {
      // All shapes match, because sizes and options equal those of the saved strategy. Older states have fewer arrays.
      const like = (own: Record<string, Tensor>) =>
        Object.fromEntries(
          Object.entries(own).flatMap(([name, { shape }]) => {
            const array = saved.arrays[name];
            return array ? [[name, tensor(array, shape)]] : [];
          }),
        );
      this.#controller.loadStateDict(like(this.#controller.stateDict()));
      this.#optimizer.load(like(this.#optimizer.state()), state.steps);
    });
    this.#random = RandomStream.load(state.random);
    this.#pending.replace(state.pending);
    this.#batch = state.batch;
    this.#baseline = state.baseline;
    this.#updates = state.updates;
    this.#sampled = undefined;
  }
}

/** Runs on one thread, because the rounding of sums depends on how threads divide them. */
function onOneThread<Result>(compute: () => Result): Result {
  const before = threads();
  setThreads(1);
  try {
    return compute();
  } finally {
    setThreads(before);
  }
}

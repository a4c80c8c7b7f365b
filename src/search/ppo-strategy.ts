// The paper's search: a controller learns by PPO from the rewards of what it drew (section 3.1, appendix A.2).
// Here a strategy's state lives: open trials, the batch being collected, the baseline, and when to update.

import { tensor } from '../engine/create.ts';
import { setThreads, threads } from '../engine/machine.ts';
import { scope } from '../engine/memory.ts';
import type { Tensor } from '../engine/tensor.ts';
import { Adam } from '../nn/optimizers.ts';
import { RandomStream } from '../random/stream.ts';
import { advantages, firstBaseline, movedBaseline } from './advantages.ts';
import { Controller } from './controller.ts';
import { type Accepts, drawWithin } from './draw-within.ts';
import { type PpoOptions, parsePpoOptions } from './options.ts';
import { PendingTrials } from './pending.ts';
import { update } from './ppo.ts';
import { draw, type Sample } from './sampler.ts';
import { readState, writeState } from './saved-state.ts';
import type { Outcome, Strategy, StrategyParts, UpdateFigures } from './strategy.ts';

/** A told trial of the batch being collected; reward null: it failed. */
interface Told extends Sample {
  reward: number | null;
}

/** All but the weights and moments. Samples keep the log-probabilities under which they were drawn. */
interface State {
  random: string;
  pending: [trial: number, sample: Sample][];
  batch: Told[];
  baseline: number | null;
  updates: number;
  steps: number; // of the optimizer
}

const drawnAtOnce = 20; // trials; asks for them under other weights draw them anew

export class PpoStrategy implements Strategy {
  readonly name = 'ppo';
  readonly #sizes: readonly number[];
  readonly #options: PpoOptions;
  readonly #controller: Controller;
  readonly #optimizer: Adam;
  readonly #accepts: Accepts;
  readonly #pending = new PendingTrials<Sample>();
  #drawn: { first: number; samples: Sample[] } | undefined; // from the present weights; undefined after they changed
  #random: RandomStream;
  #batch: Told[] = [];
  #baseline: number | null = null; // null before the first update
  #updates = 0;

  constructor({ sizes, seed, options, accepts = () => true }: StrategyParts) {
    this.#options = parsePpoOptions(options);
    this.#sizes = sizes;
    this.#accepts = accepts;
    const random = new RandomStream(seed).split('ppo');
    this.#controller = new Controller(sizes, this.#options, random.split('weights'));
    this.#optimizer = new Adam(this.#controller.namedParameters());
    this.#random = random.split('trials');
  }

  /** Draws from the controller as it is now, with random numbers that follow from seed and trial number. */
  ask(trial: number): number[] {
    this.#pending.refuse(trial);
    const first = trial - (trial % drawnAtOnce);
    if (this.#drawn?.first !== first) this.#drawn = { first, samples: this.#draw(first) };
    const drawn = this.#drawn.samples[trial - first]!;
    const again = (attempt: number) =>
      draw(this.#controller, [this.#random.split(`trial ${trial}, attempt ${attempt}`)]);
    const sample = drawWithin(
      this.#accepts,
      (attempt) => (attempt === 0 ? drawn : onOneThread(() => again(attempt))[0]!),
      ({ decisions }) => decisions,
    );
    this.#pending.open(trial, sample);
    return [...sample.decisions];
  }

  /** Always as many at once, and the same ones together: what a trial gets does not depend on which others are asked for. */
  #draw(first: number): Sample[] {
    const randoms = Array.from({ length: drawnAtOnce }, (_, index) => this.#random.split(`trial ${first + index}`));
    return onOneThread(() => draw(this.#controller, randoms));
  }

  /**
   * The tell that fills the batch updates the controller. A failed trial is left out of the batch, and its architecture
   * becomes neither likelier nor less likely by it, unless failureWeight says that it counts; the baseline never moves.
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
    const batch = this.#batch.map((told, index) => ({ ...told, advantage: gains[index]! }));
    const figures = onOneThread(() => update(this.#controller, this.#optimizer, batch, this.#options));

    this.#baseline = this.#baseline === null ? baseline : movedBaseline(baseline, rewards, this.#options.baselineDecay);
    this.#batch = [];
    this.#drawn = undefined;
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
      // Sizes and options are those of the saved strategy, so all shapes are.
      const like = (own: Record<string, Tensor>) =>
        Object.fromEntries(Object.entries(own).map(([name, { shape }]) => [name, tensor(saved.arrays[name]!, shape)]));
      this.#controller.loadStateDict(like(this.#controller.stateDict()));
      this.#optimizer.load(like(this.#optimizer.state()), state.steps);
    });
    this.#random = RandomStream.load(state.random);
    this.#pending.replace(state.pending);
    this.#batch = state.batch;
    this.#baseline = state.baseline;
    this.#updates = state.updates;
    this.#drawn = undefined;
  }
}

/** Sums depend on how they are shared among threads; on one they are the same in every run on a machine. */
function onOneThread<Result>(compute: () => Result): Result {
  const before = threads();
  setThreads(1);
  try {
    return compute();
  } finally {
    setThreads(before);
  }
}

// The training loop: any network, any recipe. A step depends only on the weights, the optimizer's state, the seed and the
// step's number, so a training that goes on from a checkpoint gives the bits it would have given uninterrupted.

import { setImmediate } from 'node:timers/promises';
import type { TrainingBatches } from '../data/batches.ts';
import { backward, clearGradients } from '../engine/gradient.ts';
import { scope } from '../engine/memory.ts';
import { crossEntropy } from '../engine/operators.ts';
import { manualSeed } from '../engine/random.ts';
import type { Network } from '../model/network.ts';
import { clipByGlobalNorm, Momentum } from '../nn/optimizers.ts';
import { RandomStream } from '../random/stream.ts';
import type { Checkpoints } from './checkpoint.ts';
import type { Accuracy } from './evaluation.ts';
import { TrainingFailure } from './failure.ts';
import { learningRateAt } from './learning-rate.ts';
import type { Recipe } from './recipe.ts';

/** What is told after every epoch. */
export interface EpochFigures {
  /** 1, 2 … ; the last one may be a part: 0.5. */
  epoch: number;
  /** Mean over the epoch's batches, without L2. */
  loss: number;
  /** Share of right answers on the augmented training images of the epoch. */
  trainingAccuracy: number;
  learningRate: number;
  imagesPerSecond: number;
  /** On the validation images, where the epoch ended with a look at them. */
  validation?: Accuracy;
}

export interface TrainingOptions {
  seed: number | string;
  /** One that has trained this network before, whose momentum goes on; it stays the caller's. Default: a fresh one. */
  optimizer?: Momentum | undefined;
  onEpoch?: (figures: EpochFigures) => void;
  /** Is told the share of the training that is done, about once a second. */
  onProgress?: (share: number) => void;
  /** Measures the network between epochs and at the end. */
  validate?: () => Accuracy;
  /** Look at the validation images after every epoch, not only after the last. */
  validateEveryEpoch?: boolean;
  checkpoints?: Checkpoints;
  signal?: AbortSignal;
}

const progressEvery = 1000; // ms

/**
 * Trains a network in place. Throws a TrainingFailure once the loss is not finite, the signal's reason when it is aborted;
 * the engine's out-of-memory error passes through.
 */
export async function trainNetwork(
  network: Network,
  batches: TrainingBatches,
  recipe: Recipe,
  options: TrainingOptions,
): Promise<EpochFigures> {
  const { seed, onEpoch, onProgress, validate, validateEveryEpoch = false, checkpoints, signal } = options;
  const parameters = network.parameters();
  using fresh = options.optimizer ? undefined : new Momentum(network.namedParameters(), recipe);
  const optimizer = options.optimizer ?? fresh!;
  const steps = Math.max(1, Math.round(recipe.epochs * batches.count));
  const seeds = new RandomStream(seed);
  const meter = new Meter();
  let figures: EpochFigures | undefined;
  let toldAt = 0;

  for (let step = checkpoints?.restore(network, optimizer) ?? 0; step < steps; step++) {
    const [epoch, index] = [Math.floor(step / batches.count), step % batches.count];
    const learningRate = learningRateAt(recipe, step, steps);
    manualSeed(seeds.split(`step ${step}`).integer(2 ** 31));
    network.train(true);
    scope(() => {
      const { images, labels } = batches.batch(epoch, index); // [batch, 3, height, width], [batch]
      const { logits, auxiliaryLogits } = network.forward(images, { progress: step / steps });
      const loss = crossEntropy(logits, labels);
      const auxiliaryLoss = auxiliaryLogits && crossEntropy(auxiliaryLogits, labels).mul(recipe.auxiliaryWeight);
      clearGradients(parameters);
      backward(auxiliaryLoss ? loss.add(auxiliaryLoss) : loss);
      clipByGlobalNorm(parameters, recipe.clipNorm);
      optimizer.step(learningRate);
      meter.add(loss.item(), logits.argmax(1).eq(labels).sum().item(), labels.shape[0]!);
    });
    if (!meter.finite)
      throw new TrainingFailure('not-a-number', `the loss was not a number at step ${step + 1} of ${steps}`);

    const done = step + 1;
    if (done % batches.count === 0 || done === steps) {
      const measured = meter.take();
      const look = validate && (validateEveryEpoch || done === steps);
      figures = { epoch: done / batches.count, learningRate, ...measured, ...(look ? { validation: validate() } : {}) };
      meter.restart();
      onEpoch?.(figures);
    }
    if (performance.now() - toldAt > progressEvery) {
      toldAt = performance.now();
      onProgress?.(done / steps);
    }
    await setImmediate(); // messages, signals and timers get their turn
    signal?.throwIfAborted();
    checkpoints?.offer(done, network, optimizer);
  }
  return figures!;
}

/** Sums of the batches since it was last taken. */
class Meter {
  #loss = 0;
  #correct = 0;
  #images = 0;
  #batches = 0;
  #since = performance.now();

  add(loss: number, correct: number, images: number): void {
    this.#loss += loss;
    this.#correct += correct;
    this.#images += images;
    this.#batches += 1;
  }

  get finite(): boolean {
    return Number.isFinite(this.#loss);
  }

  take(): { loss: number; trainingAccuracy: number; imagesPerSecond: number } {
    return {
      loss: this.#loss / this.#batches,
      trainingAccuracy: this.#correct / this.#images,
      imagesPerSecond: (1000 * this.#images) / (performance.now() - this.#since),
    };
  }

  restart(): void {
    [this.#loss, this.#correct, this.#images, this.#batches, this.#since] = [0, 0, 0, 0, performance.now()];
  }
}

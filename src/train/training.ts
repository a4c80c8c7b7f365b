// The training loop of any network and recipe. A step depends only on the weights, the optimizer's state, the seed and
// the step's number, so a resumed training gives the same bits as an uninterrupted one.

import { setImmediate } from 'node:timers/promises';
import type { StepBatches } from '../data/step-batches.ts';
import { tensor } from '../engine/create.ts';
import { capturesGraphs } from '../engine/cuda-graph.ts';
import { cpu } from '../engine/device.ts';
import { free, keep } from '../engine/memory.ts';
import type { Tensor } from '../engine/tensor.ts';
import { InputError } from '../failure.ts';
import type { Optimizer } from '../nn/optimizers.ts';
import { WeightAverage } from '../nn/weight-average.ts';
import { RandomStream } from '../random/stream.ts';
import { numbersOfFirst, type Replicas } from '../replicas/replicas.ts';
import { type BestWeights, comparedAccuracy } from './best-epoch.ts';
import type { MeterState } from './checkpoint.ts';
import { classCounts, classWeights } from './class-balance.ts';
import { Continuation, randomOfReplica, type TrainingCheckpoints } from './continuation.ts';
import { DeviceSteps } from './device-steps.ts';
import type { Accuracy } from './evaluation.ts';
import { GradientReduction } from './gradient-reduction.ts';
import { fullSizeFrom, sidesOf, timeShare } from './growth.ts';
import { HostSteps } from './host-steps.ts';
import { averageShareAt, hasAverage, learningRateAt } from './learning-rate.ts';
import { createOptimizer } from './optimizer.ts';
import { mostEpochs, type Recipe, stepsOf } from './recipe.ts';
import { type StepPlan, StepSums, stepFigures, type Trainee } from './step.ts';
import type { Trainable } from './trainable.ts';
import { TrainingFailure } from './training-failure.ts';
import { Deadline, TrainingLength } from './training-length.ts';
import { whitenStem } from './whitened-stem.ts';

/** The figures of an epoch. */
export interface EpochFigures {
  /** 1, 2 …; the last one may be fractional: 0.5. */
  epoch: number;
  /** Mean loss over the epoch's batches, without L2. */
  loss: number;
  /** Top-1 accuracy on the augmented training images of the epoch. */
  trainingAccuracy: number;
  learningRate: number;
  imagesPerSecond: number;
  /** Share of the epoch's time in which the training waited for images, 0 to 1; only of images that are streamed. */
  waitingShare?: number;
  /**
   * Accuracy on the validation images, if they were evaluated after this epoch; of the averaged weights if the recipe
   * has an average.
   */
  validation?: Accuracy;
  /** Side of the validation images in pixels, if images were smaller than their full size at the end of the epoch. */
  validationSide?: number;
  /** Accuracy of the last weights if the recipe has an average; only after the last epoch. */
  unaveraged?: Accuracy;
  /** Epochs of the whole training if its end was moved to keep a deadline. */
  scheduledEpochs?: number;
}

export interface TrainingOptions {
  seed: number | string;
  /** An optimizer of this network with state to continue from; the caller disposes of it. Default: a new one. */
  optimizer?: Optimizer | undefined;
  onEpoch?: (figures: EpochFigures) => void;
  /** Called about once a second with the share of the time that is over, 0 to 1, roughly. */
  onProgress?: (share: number) => void;
  /**
   * Evaluates the network on validation images, averaged down to `side` pixels if it is given: while training images
   * are small, a network knows no others. Throws the signal's reason when it is aborted.
   */
  validate?: (side?: number) => Accuracy | Promise<Accuracy>;
  /** Whether to validate after every epoch, not only after the last. With patience it always is. */
  validateEveryEpoch?: boolean;
  /**
   * Keeps the weights of the best epoch of full-size images; the caller disposes of it. Recipes with patience need it.
   */
  best?: BestWeights;
  /** Called after an epoch that is the best so far, while the network has the weights that were validated. */
  onBest?: (epoch: number) => Promise<void>;
  checkpoints?: TrainingCheckpoints;
  signal?: AbortSignal;
  /**
   * Seconds in which the training should end: its end is moved by the speed of its steps (training-length.ts). Not for
   * replicas and streamed images. Default: it has the epochs of the recipe, however long they take.
   */
  seconds?: number | undefined;
  /**
   * The processes that train the network together, each with its part of the batches. Only the first one has
   * checkpoints, validates, and keeps the best weights. All call this function with equal recipes and seeds.
   */
  replicas?: Replicas | undefined;
  /** Whether norms exchange statistics of replicas inside a step, which is then not captured. */
  synchronisesNorms?: boolean | undefined;
}

const progressEvery = 1000; // ms
/** Returns the progress of a training, 0 to 1, from which all its steps take equally long. */
function evenFrom(plan: Trainable['plan'], { growth, freezeEpochs = 0, epochs }: Recipe): number {
  return Math.max(fullSizeFrom(plan, growth), freezeEpochs < epochs ? freezeEpochs / epochs : 0);
}

/** Steps between two reads of the losses if a read waits for the device. */
const readEvery = 32;

/**
 * Trains a network in place, on the device of the network and the batches. With patience it may end before its last
 * epoch; the network has the last weights then too, and `best` those of the best epoch.
 * @throws TrainingFailure if the loss is not finite; the signal's reason when it is aborted; the engine's out-of-memory
 * error
 */
export async function trainNetwork(
  network: Trainable,
  batches: StepBatches,
  recipe: Recipe,
  options: TrainingOptions,
): Promise<EpochFigures> {
  const { seed, seconds, onEpoch, onProgress, validate, best, onBest, checkpoints, signal, replicas } = options;
  const { patience } = recipe;
  const isFirst = !replicas || replicas.rank === 0;
  if (isFirst && patience !== undefined && !(best && validate))
    throw new Error('patience: expected validation and best weights');
  if (recipe.freezeEpochs && !network.freezeBody)
    throw new InputError('freezeEpochs: expected a network whose body can be frozen');
  if (seconds !== undefined && (replicas || batches.wait))
    throw new Error('seconds: expected one process and images in memory');
  const validateEveryEpoch = options.validateEveryEpoch || patience !== undefined;
  using fresh = options.optimizer ? undefined : createOptimizer(network, recipe);
  const optimizer = options.optimizer ?? fresh!;
  const length = new TrainingLength(stepsOf(recipe, batches.count));
  const sideAt = sidesOf(network.plan, recipe.growth);
  if (recipe.whitenStem && optimizer.stepsTaken === 0) await whitenStem(network, batches, replicas);
  using average = hasAverage(recipe) ? new WeightAverage(network.stateDict()) : undefined;
  const seeds = new RandomStream(seed);
  const planOf = (step: number): StepPlan => ({
    epoch: Math.floor(step / batches.count),
    index: step % batches.count,
    progress: length.progress(step),
    learningRate: learningRateAt(recipe, length.plannedStep(step), length.planned),
    averageShare: averageShareAt(recipe, step, batches.count),
    side: sideAt(length.progress(step)),
    frozen: step < (recipe.freezeEpochs ?? 0) * batches.count,
    seed: randomOfReplica(seeds.split(`step ${step}`), replicas).integer(2 ** 31),
  });
  const { device } = batches;
  using sums = new StepSums(device);
  using weights = recipe.balance === 'weights' ? new ClassWeights(batches, network.plan.classes) : undefined;
  const classWeights = weights?.tensor;
  const parameters = network.parameters();
  using gradients = replicas && new GradientReduction(replicas, network, stepFigures);
  const reduction = gradients && { gradients, images: batches.wholeBatchSize };
  const trainee: Trainee = { network, parameters, optimizer, recipe, sums, average, classWeights, reduction };
  using running =
    device === cpu
      ? new HostSteps(trainee, batches, planOf)
      : new DeviceSteps(trainee, batches, {
          planOf,
          steps: () => length.steps,
          capture: capturesGraphs(device) && !options.synchronisesNorms,
        });
  const meter = new Meter(sums, { waits: batches.wait !== undefined });
  let figures: EpochFigures | undefined;
  let reportedAt = 0;

  const inTraining = { network, optimizer, average, length, ...(best && { best }) };
  const continuation = new Continuation(inTraining, { checkpoints, signal, gradients });
  /** Validates the averaged weights, if there are any, and keeps the best ones of full-size images. */
  const validateAverage = async (seen: EpochFigures, validateNow: NonNullable<TrainingOptions['validate']>) => {
    average?.swap();
    try {
      const validation = await validateNow(seen.validationSide);
      seen.validation = validation;
      if (seen.validationSide !== undefined) return;
      if (best?.epochs.add(seen.epoch, comparedAccuracy(recipe, validation), validation.loss)) {
        best.keep();
        await onBest?.(seen.epoch);
      }
    } finally {
      average?.swap();
    }
  };
  const resumed = await continuation.resume();
  if (resumed?.meter) meter.restore(resumed.meter);
  let done = resumed?.step ?? 0;
  const deadline =
    seconds === undefined
      ? undefined
      : new Deadline(length, {
          seconds,
          most: stepsOf({ epochs: mostEpochs }, batches.count),
          from: evenFrom(network.plan, recipe),
          done,
        });
  const endsEpoch = (step: number) => step % batches.count === 0 || step === length.steps;
  let isTrained = meter.steps > 0 && endsEpoch(done); // it was stopped while it validated an epoch
  for (let ends = false; !ends; isTrained = false) {
    if (!isTrained) {
      const { epoch, index } = planOf(done);
      if (batches.wait) await meter.waitFor(batches.wait(epoch, index));
      network.train(true);
      continuation.wish();
      running.run(done);
      meter.count(batches.wholeBatchSize);
      done += 1;
      if (done < length.steps) deadline?.afterStep(done);
    }

    ends = done >= length.steps;
    const epochEnds = endsEpoch(done);
    const reads = epochEnds || device === cpu || done % readEvery === 0;
    if (reads) {
      const { finite } = meter.read();
      if (finite < meter.steps) {
        const first = done - meter.steps + finite + 1;
        throw new TrainingFailure('not-a-number', `the loss was not finite at step ${first} of ${length.steps}`);
      }
    }
    continuation.agree({ reads: reads && !isTrained });
    if (epochEnds) {
      const epoch = done / batches.count;
      const { learningRate, side } = planOf(done - 1);
      figures = { epoch, learningRate, ...meter.take() };
      if (side !== undefined && !ends) figures.validationSide = side;
      if (length.moved) figures.scheduledEpochs = length.steps / batches.count;
      const mayEnd = ends || (patience !== undefined && best?.epochs.isOver(epoch, patience));
      if (mayEnd && !isTrained) await continuation.saveTrained(done, () => meter.state());
      try {
        if (validate && (validateEveryEpoch || ends)) await validateAverage(figures, validate);
        ends ||= patience !== undefined && isFirst && best!.epochs.isOver(epoch, patience);
        if (replicas && patience !== undefined) ends = numbersOfFirst(replicas, [Number(ends)])[0] === 1;
        if (ends && average && validate) figures.unaveraged = await validate();
      } catch (error) {
        await continuation.saveIfStopped(done, () => meter.state());
        throw error;
      }
      if (ends) average?.swap();
      meter.restart();
      onEpoch?.(figures);
    }
    if (performance.now() - reportedAt > progressEvery) {
      reportedAt = performance.now();
      onProgress?.(timeShare(network.plan, recipe.growth, length.progress(done)));
    }
    await setImmediate(); // let messages, signals and timers be handled
    await continuation.pause(done, () => meter.state(), { ends });
  }
  network.freezeBody?.(false);
  return figures!;
}

/** The weights of the classes in the loss, on the device of the batches. */
class ClassWeights {
  readonly tensor: Tensor; // float32 [classes]

  constructor(batches: StepBatches, classes: number) {
    const weights = classWeights(classCounts(batches.labels(), classes));
    this.tensor = keep(tensor(Float32Array.from(weights), [classes], { device: batches.device }));
  }

  [Symbol.dispose](): void {
    free([this.tensor]);
  }
}

/** Accumulates the figures of the steps since the last restart. */
class Meter {
  steps = 0;
  readonly #sums: StepSums;
  #images = 0;
  /** Milliseconds in which the training waited for images; undefined: it never has to. */
  #waited: number | undefined;
  #seen = { loss: 0, correct: 0, finite: 0 };
  #since = performance.now();

  constructor(sums: StepSums, { waits }: { waits: boolean }) {
    this.#sums = sums;
    if (waits) this.#waited = 0;
  }

  /** Waits for images. */
  async waitFor(images: Promise<void>): Promise<void> {
    const before = performance.now();
    await images;
    this.#waited = (this.#waited ?? 0) + performance.now() - before;
  }

  count(images: number): void {
    this.steps += 1;
    this.#images += images;
  }

  /** Reads the sums, and waits for the steps so far. */
  read(): { finite: number } {
    this.#seen = this.#sums.read();
    return this.#seen;
  }

  take(): Pick<EpochFigures, 'loss' | 'trainingAccuracy' | 'imagesPerSecond' | 'waitingShare'> {
    const milliseconds = performance.now() - this.#since;
    return {
      loss: this.#seen.loss / this.steps,
      trainingAccuracy: this.#seen.correct / this.#images,
      imagesPerSecond: (1000 * this.#images) / milliseconds,
      ...(this.#waited !== undefined && { waitingShare: this.#waited / milliseconds }),
    };
  }

  /** Returns the state for a checkpoint; waits like read(). */
  state(): MeterState {
    const milliseconds = performance.now() - this.#since;
    const waiting = this.#waited;
    return { steps: this.steps, images: this.#images, milliseconds, waiting, ...this.#sums.read() };
  }

  /** Restores the figures of a checkpoint within an epoch. */
  restore({ steps, images, milliseconds, waiting, ...sums }: MeterState): void {
    this.#sums.set(sums);
    [this.steps, this.#images, this.#since] = [steps, images, performance.now() - milliseconds];
    if (this.#waited !== undefined) this.#waited = waiting ?? 0;
  }

  restart(): void {
    this.#sums.clear();
    [this.steps, this.#images, this.#since] = [0, 0, performance.now()];
    if (this.#waited !== undefined) this.#waited = 0;
  }
}

// The training loop of a detector. A step depends only on the weights, the optimizer's state, the seed and the step's
// number, so a resumed training gives the same bits as an uninterrupted one.

import { setImmediate } from 'node:timers/promises';
import type { DetectionDataset } from '../detection-data/detection-dataset.ts';
import { manualSeed } from '../engine/random.ts';
import { RandomStream } from '../random/stream.ts';
import type { Replicas } from '../replicas/replicas.ts';
import type { MeterState } from '../train/checkpoint.ts';
import { Continuation, randomOfReplica, type TrainingCheckpoints } from '../train/continuation.ts';
import { GradientReduction } from '../train/gradient-reduction.ts';
import { optimizerOf } from '../train/optimizer.ts';
import { TrainingFailure } from '../train/training-failure.ts';
import { type DetectionRecipe, detectionRateAt } from './detection-recipe.ts';
import type { Detector } from './detector.ts';
import { type DetectorTrainee, detectorStep } from './detector-step.ts';
import { lossNames } from './losses.ts';
import { type DetectionEpoch, type LossFigures, lossFigures, TrainingLog } from './training-log.ts';
import { TrainingPictures } from './training-pictures.ts';

export interface DetectorTrainingOptions {
  seed: number;
  /** Returns AP after an epoch, or undefined where it is not measured; throws the signal's reason if it is aborted. */
  measure?: (epoch: number, isLast: boolean) => Promise<number | undefined>;
  /** Called once for each picture that cannot be read; the next one takes its place. */
  onUnreadable?: (sentence: string) => void;
  /** Called with the epochs that a checkpoint has; the last one may be fractional. */
  onResume?: (epochs: number) => void;
  onEpoch?: (figures: DetectionEpoch) => void;
  /** Called with the progress, 0 to 1, and the latest losses about once a second. */
  onProgress?: (share: number, losses: LossFigures) => void;
  /** Checkpoints made with `TrainingLog.checkpointed`. */
  checkpoints?: TrainingCheckpoints;
  /** Belongs to the checkpoints. */
  log?: TrainingLog;
  signal?: AbortSignal;
  /**
   * The processes that train the detector together, each with its part of the batches. Only the first one has
   * checkpoints and measures. All call this function with equal recipes, pictures and seeds.
   */
  replicas?: Replicas | undefined;
}

const progressEvery = 1000; // ms

/**
 * Trains a detector in place.
 * @returns the figures of the last epoch
 * @throws TrainingFailure if the loss is not finite; the signal's reason when it is aborted; InputError for many
 * pictures that cannot be read; Interruption or Failure if another replica was stopped or has ended
 */
export async function trainDetector(
  detector: Detector,
  { pictures }: Pick<DetectionDataset, 'pictures'>,
  recipe: DetectionRecipe,
  options: DetectorTrainingOptions,
): Promise<DetectionEpoch> {
  const { seed, measure, onResume, onEpoch, onProgress, checkpoints, signal, replicas } = options;
  const { log = new TrainingLog(), onUnreadable } = options;
  using optimizer = optimizerOf(detector.namedParameters(), { ...recipe, nesterov: false });
  const parameters = detector.parameters();
  using gradients = replicas && new GradientReduction(replicas, detector, lossNames.length);
  const trainee: DetectorTrainee = { detector, parameters, optimizer, recipe, gradients };
  const seeds = new RandomStream(seed);
  const part = replicas && { index: replicas.rank, count: replicas.count };
  const { settings } = detector.plan;
  const batches = new TrainingPictures(pictures, { recipe, settings, random: seeds, part, onUnreadable });
  const { stepsPerEpoch } = batches;
  const steps = Math.max(1, Math.round(recipe.epochs * stepsPerEpoch));
  const endsEpoch = (step: number) => step % stepsPerEpoch === 0 || step === steps;

  const continuation = new Continuation({ network: detector, optimizer }, { checkpoints, signal, gradients });
  const resumed = await continuation.resume();
  log.steps = resumed?.meter?.steps ?? 0;
  const meter = new Meter(log, resumed?.meter);
  let done = resumed?.step ?? 0;
  if (resumed) onResume?.(done / stepsPerEpoch);
  let reportedAt = 0;
  let losses: number[] = [];
  let isTrained = log.steps > 0 && endsEpoch(done); // it was stopped while an epoch was measured
  for (; done < steps || isTrained; isTrained = false) {
    if (!isTrained) {
      const batch = await batches.take(done, done + 1 < steps);
      const random = seeds.split(`step ${done}`);
      manualSeed(
        randomOfReplica(random, replicas)
          .split('engine')
          .integer(2 ** 31),
      );
      const learningRate = detectionRateAt(recipe, done, steps);
      continuation.wish();
      losses = detectorStep(trainee, batch, { learningRate, progress: done / steps, random });
      if (!losses.every(Number.isFinite))
        throw new TrainingFailure('not-a-number', `the loss was not finite at step ${done + 1} of ${steps}`);
      log.add(losses);
      meter.count(batches.count(done));
      done += 1;
    }

    const ends = done === steps;
    continuation.agree({ reads: !isTrained });
    if (endsEpoch(done)) {
      const epoch = done / stepsPerEpoch;
      const learningRate = detectionRateAt(recipe, done - 1, steps);
      const figures: DetectionEpoch = { epoch, losses: log.means(), learningRate, ...meter.take() };
      if (ends && !isTrained) await continuation.saveTrained(done, () => meter.state());
      try {
        const AP = await measure?.(epoch, ends);
        if (AP !== undefined) figures.AP = AP;
      } catch (error) {
        await continuation.saveIfStopped(done, () => meter.state());
        throw error;
      }
      log.endEpoch(figures);
      meter.restart();
      onEpoch?.(figures);
    } else if (performance.now() - reportedAt > progressEvery) {
      reportedAt = performance.now();
      onProgress?.(done / steps, lossFigures(losses));
    }
    await setImmediate(); // let messages, signals and timers be handled
    await continuation.pause(done, () => meter.state(), { ends });
  }
  return log.epochs.at(-1)!;
}

/** Counts the pictures of an epoch and its time. */
class Meter {
  readonly #log: TrainingLog;
  #pictures: number;
  #since: number;

  /** @param state of a checkpoint within an epoch */
  constructor(log: TrainingLog, state: MeterState | undefined) {
    this.#log = log;
    this.#pictures = state?.images ?? 0;
    this.#since = performance.now() - (state?.milliseconds ?? 0);
  }

  count(pictures: number): void {
    this.#pictures += pictures;
  }

  take(): Pick<DetectionEpoch, 'picturesPerSecond'> {
    return { picturesPerSecond: (1000 * this.#pictures) / (performance.now() - this.#since) };
  }

  /** Returns the state for a checkpoint. */
  state(): MeterState {
    const { steps, sum } = this.#log;
    const milliseconds = performance.now() - this.#since;
    return { steps, images: this.#pictures, milliseconds, loss: sum, correct: 0, finite: steps };
  }

  restart(): void {
    this.#pictures = 0;
    this.#since = performance.now();
  }
}

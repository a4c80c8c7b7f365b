// The training loop of a detector. A step depends only on the weights, the optimizer's state, the seed and the step's
// number, so a resumed training gives the same bits as an uninterrupted one.

import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import type { DetectionDataset, DetectionPicture } from '../detection-data/detection-dataset.ts';
import { backward, clearGradients } from '../engine/gradient.ts';
import { scope } from '../engine/memory.ts';
import { manualSeed } from '../engine/random.ts';
import type { Tensor } from '../engine/tensor.ts';
import { clipByGlobalNorm } from '../nn/optimizers.ts';
import { RandomStream } from '../random/stream.ts';
import type { Checkpoints } from '../train/checkpoint.ts';
import { optimizerOf } from '../train/optimizer.ts';
import { TrainingFailure } from '../train/training-failure.ts';
import { type DetectionRecipe, detectionRateAt } from './detection-recipe.ts';
import type { Detector } from './detector.ts';
import { lossNames, type Truth } from './losses.ts';
import { framePicture, pictureBatch, randomPlacement, truthOf } from './pictures.ts';

/** Mean losses of an epoch; `total` is their sum. */
export type LossFigures = Record<(typeof lossNames)[number] | 'total', number>;

export interface DetectionEpoch {
  /** 1, 2 … */
  epoch: number;
  losses: LossFigures;
  learningRate: number;
  picturesPerSecond: number;
}

/** Sums of an epoch's losses so far, in the order of lossNames. */
export const lossSums: z.ZodType<number[]> = z.array(z.number()).length(lossNames.length);

export interface DetectorTrainingOptions {
  seed: number;
  onEpoch?: (figures: DetectionEpoch) => void | Promise<void>;
  /** Called with the progress, 0 to 1, and the latest losses about once a second. */
  onProgress?: (share: number, losses: LossFigures) => void;
  /** Checkpoints made with `EpochSums.checkpointed`. */
  checkpoints?: Pick<Checkpoints<number[]>, 'restore' | 'offer'>;
  /** Belongs to the checkpoints. */
  sums?: EpochSums;
  signal?: AbortSignal;
}

/** The sums of the epoch so far, which a checkpoint stores. */
export class EpochSums {
  values: number[] = lossNames.map(() => 0);
  steps = 0;

  /** The further state of checkpoints. */
  get checkpointed() {
    return {
      schema: lossSums,
      save: () => this.values,
      restore: (values: number[]) => {
        this.values = [...values];
      },
    };
  }

  add(losses: readonly number[]): void {
    this.values = this.values.map((sum, index) => sum + losses[index]!);
    this.steps += 1;
  }

  take(): LossFigures {
    const figures = figuresOf(this.values.map((sum) => sum / this.steps));
    this.values = lossNames.map(() => 0);
    this.steps = 0;
    return figures;
  }
}

const progressEvery = 1000; // ms

/**
 * Trains a detector in place.
 * @returns the figures of the last epoch
 * @throws TrainingFailure if the loss is not finite; the signal's reason when it is aborted; InputError for a picture
 * that cannot be read
 */
export async function trainDetector(
  detector: Detector,
  { pictures }: Pick<DetectionDataset, 'pictures'>,
  recipe: DetectionRecipe,
  options: DetectorTrainingOptions,
): Promise<DetectionEpoch> {
  const { seed, onEpoch, onProgress, checkpoints, sums = new EpochSums(), signal } = options;
  using optimizer = optimizerOf(detector.namedParameters(), { ...recipe, nesterov: false });
  const parameters = detector.parameters();
  const stepsPerEpoch = Math.ceil(pictures.length / recipe.batchSize);
  const steps = Math.max(1, Math.round(recipe.epochs * stepsPerEpoch));
  const random = new RandomStream(seed);
  const batches = new TrainingPictures(pictures, recipe, detector, random);
  let figures: DetectionEpoch | undefined;
  let toldAt = 0;

  const resumed = await checkpoints?.restore({ network: detector, optimizer });
  const first = resumed?.step ?? 0;
  sums.steps = first % stepsPerEpoch;
  let since = performance.now() - (resumed?.meter?.milliseconds ?? 0);
  let seen = resumed?.meter?.images ?? 0;
  for (let step = first; step < steps; step++) {
    const batch = await batches.take(step, stepsPerEpoch, step + 1 < steps);
    const learningRate = detectionRateAt(recipe, step, steps);
    const stepRandom = random.split(`step ${step}`);
    detector.train(true);
    manualSeed(stepRandom.split('engine').integer(2 ** 31));
    const losses = scope(() => {
      clearGradients(parameters);
      const images = pictureBatch(batch.pixels, detector.plan.settings.input, detector.device);
      const parts = detector.losses(images, batch.truths, stepRandom, step / steps);
      const all = lossNames.map((name) => parts[name]);
      backward(all.reduce((sum: Tensor, each) => sum.add(each)));
      clipByGlobalNorm(parameters, recipe.clipNorm);
      const values = all.map((loss) => loss.item());
      if (values.every(Number.isFinite)) optimizer.step(learningRate);
      return values;
    });
    if (!losses.every(Number.isFinite))
      throw new TrainingFailure('not-a-number', `the loss was not finite at step ${step + 1} of ${steps}`);
    sums.add(losses);
    seen += batch.pixels.length;

    const done = step + 1;
    if (done % stepsPerEpoch === 0 || done === steps) {
      const picturesPerSecond = (1000 * seen) / (performance.now() - since);
      figures = { epoch: done / stepsPerEpoch, losses: sums.take(), learningRate, picturesPerSecond };
      await onEpoch?.(figures);
      [since, seen] = [performance.now(), 0];
    }
    if (performance.now() - toldAt > progressEvery) {
      toldAt = performance.now();
      onProgress?.(done / steps, figuresOf(losses));
    }
    await setImmediate(); // let messages, signals and timers be handled
    const meter = () => ({
      steps: sums.steps,
      images: seen,
      milliseconds: performance.now() - since,
      loss: sums.values.reduce((sum, each) => sum + each, 0),
      correct: 0,
      finite: sums.steps,
    });
    if (done < steps) await checkpoints?.offer(done, { network: detector, optimizer }, meter, signal?.aborted);
    signal?.throwIfAborted();
  }
  return figures!;
}

function figuresOf(losses: readonly number[]): LossFigures {
  const parts = Object.fromEntries(lossNames.map((name, index) => [name, losses[index]!]));
  return { ...parts, total: losses.reduce((sum, each) => sum + each, 0) } as LossFigures;
}

interface PictureBatch {
  pixels: Uint8Array[];
  truths: Truth[];
}

/** The batches of a training; the next one is read while a step runs. */
class TrainingPictures {
  readonly #pictures: readonly DetectionPicture[];
  readonly #recipe: DetectionRecipe;
  readonly #settings: Detector['plan']['settings'];
  readonly #random: RandomStream;
  #ahead: { step: number; batch: Promise<PictureBatch> } | undefined;
  #order: { epoch: number; places: Int32Array } | undefined;

  constructor(
    pictures: readonly DetectionPicture[],
    recipe: DetectionRecipe,
    { plan }: Detector,
    random: RandomStream,
  ) {
    this.#pictures = pictures;
    this.#recipe = recipe;
    this.#settings = plan.settings;
    this.#random = random;
  }

  /** Returns the batch of a step, and begins to read the next one if there is one. */
  async take(step: number, stepsPerEpoch: number, hasNext: boolean): Promise<PictureBatch> {
    const batch = this.#ahead?.step === step ? this.#ahead.batch : this.#read(step, stepsPerEpoch);
    const read = await batch;
    if (hasNext) {
      const next = this.#read(step + 1, stepsPerEpoch);
      next.catch(() => {}); // reported by the step that takes it
      this.#ahead = { step: step + 1, batch: next };
    }
    return read;
  }

  async #read(step: number, stepsPerEpoch: number): Promise<PictureBatch> {
    const { batchSize, flip, jitter } = this.#recipe;
    const { input, framing } = this.#settings;
    const epoch = Math.floor(step / stepsPerEpoch);
    const first = (step % stepsPerEpoch) * batchSize;
    const places = this.#orderOf(epoch).subarray(first, first + batchSize);
    const framed = await Promise.all(
      Array.from(places, async (place) => {
        const picture = this.#pictures[place]!;
        const random = this.#random.split(`epoch ${epoch}, picture ${place}`);
        const placed = (size: readonly [number, number]) =>
          randomPlacement(size, input, framing, { flip, jitter }, random);
        const { pixels, placement } = await framePicture(picture.path, input, placed, 'fast');
        return { pixels, truth: truthOf(picture, placement) };
      }),
    );
    return { pixels: framed.map(({ pixels }) => pixels), truths: framed.map(({ truth }) => truth) };
  }

  #orderOf(epoch: number): Int32Array {
    if (this.#order?.epoch !== epoch)
      this.#order = { epoch, places: this.#random.split(`epoch ${epoch}`).shuffle(this.#pictures.length) };
    return this.#order.places;
  }
}

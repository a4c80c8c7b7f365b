// The images of a job as its training and its evaluations use them: prepared ones, in memory. streamed-images.ts has
// those of streams.

import type { BatchPart } from '../data/batch-part.ts';
import { EvaluationBatches } from '../data/batches.ts';
import type { DatasetFiles } from '../data/dataset-files.ts';
import type { SplitOptions } from '../data/split.ts';
import type { StepBatches } from '../data/step-batches.ts';
import { testViewOf } from '../data/test-view.ts';
import { openTrainingImages, type TrainingImages, trainingBatches } from '../data/training-images.ts';
import type { Whitening } from '../data/whitening.ts';
import type { Computing } from '../engine/device.ts';
import type { Network } from '../model/network.ts';
import { type Preprocessing, trainedPreprocessing } from '../model/preprocessing.ts';
import type { Plan } from '../plan/plan.ts';
import { type Accuracy, evaluateNetwork, evaluationBatchOn } from '../train/evaluation.ts';
import type { Recipe } from '../train/recipe.ts';

export interface JobImages {
  /** The name of the dataset. */
  readonly name: string;
  readonly classes: string[];
  readonly computing: Computing;
  /** Identity of streamed pictures: a checkpoint belongs to them. */
  readonly content?: string;
  /** The decoders of streamed pictures, and the fastest one that this machine has. */
  readonly decoders?: { names: readonly string[]; fastest: string };
  shownFor(recipe: Recipe, options?: ShowOptions): ShownImages;
}

export interface ShowOptions {
  /** The whitening of the weights that the training begins with. Default: that of these images. */
  whitening?: Whitening | undefined;
  /** Whether validation images are shown as in the test, whatever the recipe says. */
  asInTest?: boolean;
  /** Called with a sentence for each picture that cannot be read, once. */
  onUnreadable?: (sentence: string) => void;
  signal?: AbortSignal | undefined;
  /** The network in training: by its cost threads decode or compute, and it says how small images can be. */
  plan?: Plan;
  /** The decoder of streamed pictures with which the training began. */
  decoder?: string | undefined;
}

export interface BatchesOptions {
  /** The part of each batch that this process trains on. Default: all of it. */
  part?: BatchPart | undefined;
}

/** The images of a training as its recipe shows them. */
export interface ShownImages {
  /** How an image becomes the input of the trained network. */
  readonly preprocessing: Preprocessing;
  /** Returns the batches of a training; the caller disposes of them. */
  batches(seed: number | string, options?: BatchesOptions): StepBatches & AsyncDisposable;
  /** Measures how fast streamed pictures are decoded for training. */
  decodingSpeed?(): Promise<{ picturesPerSecond: number; threads: number }>;
  /** @param side side in pixels to which the images are averaged down. Default: as the network is tested */
  validate(network: Network, side?: number): Accuracy | Promise<Accuracy>;
  test(network: Network): Accuracy | Promise<Accuracy>;
}

/** Opens, splits and whitens prepared images. @param options.resolution their side in pixels */
export async function openPreparedImages(
  files: DatasetFiles,
  options: SplitOptions & { resolution: number },
  computing: Computing,
): Promise<JobImages> {
  const images = await openTrainingImages(files, { ...options, device: computing.device });
  const { name, classes } = images.dataset;
  return { name, classes, computing, shownFor: (recipe, how) => shownPrepared(images, recipe, computing, how) };
}

function shownPrepared(
  images: TrainingImages,
  recipe: Recipe,
  { device }: Computing,
  { whitening = images.whitening, asInTest = false }: ShowOptions = {},
): ShownImages {
  const { dataset, parts } = images;
  const testView = testViewOf(recipe, whitening);
  const view = recipe.matchTestView || asInTest ? testView : whitening;
  const batchSize = evaluationBatchOn(device);
  const classes = dataset.classes.length;
  const validation = new EvaluationBatches({ from: dataset.train, indices: parts.validation, view, batchSize });
  const test = new EvaluationBatches({ from: dataset.test, view: testView, batchSize });
  return {
    preprocessing: trainedPreprocessing(testView),
    batches: (seed, { part } = {}) => trainingBatches({ ...images, whitening }, recipe, seed, part),
    validate: (network, side) => evaluateNetwork(network, validation, classes, side),
    test: (network) => evaluateNetwork(network, test, classes),
  };
}

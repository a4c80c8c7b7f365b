// The images of a job that are streamed from disk, of any size and format.

import { augmentationOf, augmentations } from '../data/augmentations.ts';
import { datasetFraming } from '../data/framing.ts';
import { type PictureDecoder, pictureDecoder, pictureDecoders } from '../data/picture-decoder.ts';
import { type SplitOptions, splitByClass } from '../data/split.ts';
import { testViewOf } from '../data/test-view.ts';
import type { Whitening } from '../data/whitening.ts';
import { type Computing, cpu } from '../engine/device.ts';
import { Failure } from '../failure.ts';
import type { Network } from '../model/network.ts';
import { imagenetPreprocessing, type Preprocessing, trainedPreprocessing } from '../model/preprocessing.ts';
import { batchWithinMemory } from '../plan/evaluation-batch.ts';
import type { Plan } from '../plan/plan.ts';
import { decodingSpeed } from '../streams/decoding-speed.ts';
import { evaluationPictures } from '../streams/evaluation-stream.ts';
import type { PictureView } from '../streams/picture-view.ts';
import { openTrainingSource, type PicturesOf, type TrainingSource } from '../streams/training-source.ts';
import { TrainingStream } from '../streams/training-stream.ts';
import { evaluateStream, evaluationBatchOn } from '../train/evaluation.ts';
import { sidesOf } from '../train/growth.ts';
import { type Recipe, stepsOf } from '../train/recipe.ts';
import type { JobImages, ShownImages, ShowOptions } from './job-images.ts';

/** A source of pictures on this machine. */
export interface StreamPlace {
  name: string;
  /** Identity of the pictures, by which a setup names them. */
  content: string;
  path: string;
  /** The source of the pictures to test on. Default: see streams/training-source.ts. */
  test?: string | undefined;
  /** ImageNet's devkit. */
  devkit?: string | undefined;
}

/** The whitening of Inception's preprocessing: from −1 to 1. */
const { mean, deviation } = imagenetPreprocessing;

/** At most so many pictures are held out by default, else a tenth as of prepared images. */
const mostHeldOut = 10_000;
const heldOutShare = 0.1;

/** Returns how many of the pictures to train on are held out to validate. */
export const heldOutOf = (pictures: number, classes: number): number =>
  Math.max(classes, Math.min(mostHeldOut, Math.round(heldOutShare * pictures)));

/** Seconds of one core for a picture of some 500 × 375 pixels: decoding it, and a multiply-add of its training step. */
const decodingSeconds = 0.007;
const multiplyAddSeconds = 3e-10; // forward and backward
/** Threads that decode sleep when enough pictures are ready, so that more of them cost nothing. */
const reserve = 2;

/**
 * Returns how many of a machine's threads decode: where a GPU computes all of them, else twice
 * their share of the work. They run next to the threads that compute.
 */
export function decodersOf(threads: number, device: string, multiplyAdds: number): number {
  if (device !== cpu) return Math.min(16, threads);
  const share = decodingSeconds / (decodingSeconds + multiplyAdds * multiplyAddSeconds);
  return Math.min(threads, Math.ceil(reserve * threads * share));
}

interface Streamed {
  source: TrainingSource;
  train: PicturesOf;
  validation: PicturesOf;
  size: number;
  computing: Computing;
  threads: number;
}

/**
 * Opens a source and holds out pictures of each class.
 * @param options.resolution side of the pictures in pixels
 * @throws Failure if the pictures are not those that were named
 */
export async function openStreamedImages(
  place: StreamPlace,
  options: SplitOptions & { resolution: number },
  { computing, threads }: { computing: Computing; threads: number },
): Promise<JobImages> {
  const source = await openTrainingSource(place.path, place);
  if (source.content !== place.content)
    throw new Failure(
      `${place.path}: expected the pictures that were listed before, got others: run the command again`,
    );
  const { train, validation } = divide(source, options);
  const streamed: Streamed = { source, train, validation, size: options.resolution, computing, threads };
  const { name, content } = place;
  const classes = [...source.classes];
  const decoders = { names: pictureDecoders, fastest: pictureDecoder() };
  return {
    name,
    classes,
    content,
    computing,
    decoders,
    shownFor: (recipe, how) => shownStreamed(streamed, recipe, how),
  };
}

function divide({ train, classes }: TrainingSource, options: SplitOptions) {
  const { source, places } = train;
  const labels = places.map((place) => source.label(place));
  const validation = options.validation ?? heldOutOf(places.length, classes.length);
  const parts = splitByClass(labels, classes.length, { ...options, validation });
  const part = (indices: Int32Array): PicturesOf => ({ source, places: indices.map((index) => places[index]!) });
  return { train: part(parts.train), validation: part(parts.validation) };
}

function shownStreamed(streamed: Streamed, recipe: Recipe, options: ShowOptions = {}): ShownImages {
  const { source, train, validation, size, computing, threads } = streamed;
  const { whitening = { mean, deviation }, onUnreadable = () => {}, signal, plan } = options;
  const decoder = pictureDecoder(knownDecoder(options.decoder));
  const preprocessing = preprocessingOf(recipe, whitening, decoder);
  const { device } = computing;
  const decoders = decodersOf(threads, device, plan?.multiplyAdds ?? 0);
  const evaluate = (network: Network, { source: pictures, places }: PicturesOf, side?: number) => {
    const batchSize = device === cpu ? batchWithinMemory(network.plan) : evaluationBatchOn(device);
    const shown = { places, size, preprocessing, batchSize, threads: decoders };
    return evaluateStream(network, evaluationPictures(pictures, shown), source.classes.length, {
      ...{ side, signal, onUnreadable },
    });
  };
  return {
    preprocessing,
    batches: (seed, { part } = {}) =>
      new TrainingStream(train.source, {
        places: train.places,
        size,
        sideAt: recipe.randomParts && plan && sideOfSteps(plan, recipe),
        batchSize: recipe.batchSize,
        view: viewOf(recipe),
        augmentation: ownAugmentation(recipe),
        mixing: recipe.mixup || recipe.cutmix ? { mixup: recipe.mixup, cutmix: recipe.cutmix } : undefined,
        whitening,
        seed,
        balanced: recipe.balance === 'sampling',
        part,
        device,
        threads: decoders,
        decoder,
        onUnreadable,
      }),
    async decodingSpeed() {
      const shown = { places: train.places, size, view: viewOf(recipe), threads: decoders };
      return { picturesPerSecond: await decodingSpeed(train.source, shown), threads: decoders };
    },
    validate: (network, side) => evaluate(network, validation, side),
    test: (network) => evaluate(network, source.test),
  };
}

/** Returns a stored decoder. @throws Failure for one of a newer version */
function knownDecoder(name: string | undefined): PictureDecoder | undefined {
  const decoder = pictureDecoders.find((each) => each === name);
  if (decoder === name) return decoder;
  throw new Failure(`pictures were decoded with ${name}, which this version does not have: update nasnet`);
}

/** Returns the side of the pictures at a step of a training with growing images, as the training loop has it. */
function sideOfSteps(plan: Plan, recipe: Recipe): (step: number, stepsPerEpoch: number) => number | undefined {
  const sideAt = sidesOf(plan, recipe.growth);
  return (step, stepsPerEpoch) => sideAt(step / stepsOf(recipe, stepsPerEpoch));
}

/** Returns how threads show a picture in training: a random part, or the central square as of prepared images. */
const viewOf = ({ randomParts, flip, randAugment, erasing }: Recipe): PictureView =>
  randomParts
    ? { kind: 'training', crop: randomParts, flip: flip === true, colour: randomParts.colour, randAugment, erasing }
    : { kind: 'framed', framing: datasetFraming };

/** Returns what is done with the pictures of a batch. */
const ownAugmentation = (recipe: Recipe) =>
  recipe.randomParts
    ? { ...augmentations.none, flip: recipe.flip === 'alternate' && recipe.flip, cutout: recipe.cutout }
    : augmentationOf(recipe);

/** Returns how pictures are shown in evaluations: as the released models' if training shows random parts. */
const preprocessingOf = (recipe: Recipe, whitening: Whitening, decoder: PictureDecoder): Preprocessing =>
  recipe.randomParts
    ? { ...imagenetPreprocessing, mean: whitening.mean, deviation: whitening.deviation, decoder }
    : trainedPreprocessing(testViewOf(recipe, whitening));

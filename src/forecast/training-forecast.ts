// Predicts a training before it starts: its steps, time, memory and disk. The time of a step and of decoding a picture
// are measured on this machine in some seconds.

import type { ShownImages } from '../children/job-images.ts';
import { type Computing, cpu } from '../engine/device.ts';
import { Failure } from '../failure.ts';
import type { Plan } from '../plan/plan.ts';
import { weightCount } from '../plan/plan-work.ts';
import { phasesOf } from '../train/growth.ts';
import { hasAverage } from '../train/learning-rate.ts';
import { imagesTogether, type Recipe, stepsOf } from '../train/recipe.ts';
import { lawValue, startingLaws, stepTerms } from './cost-law.ts';
import { probeRunner } from './probe.ts';
import type { Probed, ProbeJob } from './probe-job.ts';
import { freeFor, trainingMemory } from './training-memory.ts';

export interface PlannedTraining {
  /** The plan of the network in training, with its auxiliary head. */
  plan: Plan;
  recipe: Recipe;
  computing: Computing;
  threads: number;
  /** Numbers of images to train on, to validate on after every epoch, and to test on in the end. */
  images: { train: number; validation: number; test: number };
  /** Number of images that a GPU holds: all prepared ones, no streamed ones. */
  inMemory: number;
  /** Streamed pictures. */
  stream?: { shown: ShownImages; batchSize: number } | undefined;
  keepCheckpoints: number;
}

export interface TrainingForecast {
  stepsPerEpoch: number;
  steps: number;
  /** Images a second that the device trains, measured, with decoding next to it on a CPU. */
  imagesPerSecond: number;
  /** Seconds of an epoch with its validation, on average over smaller images at the beginning; and of all. */
  epochSeconds: number;
  seconds: number;
  /** Pictures a second that the decoding threads can show, and the share of the time that the training will wait. */
  decoding?: { picturesPerSecond: number; waitingShare: number };
  /** Predicted peak bytes and those that are free; undefined if unknown. */
  memory: { predicted: number; free: number | undefined };
  /** Bytes of a checkpoint, of all that stay, and of the model files. */
  disk: { checkpoint: number; checkpoints: number; models: number };
}

/** An evaluation has a third of the work of training: no backward pass, which has twice that of the forward pass. */
const evaluationShare = 1 / 3;

/** Measures and predicts. @throws Failure if a step cannot be run */
export async function forecastTraining(training: PlannedTraining): Promise<TrainingForecast> {
  const { plan, recipe, computing, threads, images, stream } = training;
  const stepsPerEpoch = Math.max(1, Math.floor(images.train / recipe.batchSize));
  const steps = stepsOf(recipe, stepsPerEpoch);
  const decoded = await stream?.shown.decodingSpeed?.();
  const computed = await secondsPerImage(training);
  const onCores = computing.device === cpu && decoded ? decoded.threads / (threads * decoded.picturesPerSecond) : 0;
  const image = computed + onCores;
  const trained = Math.min(images.train, stepsPerEpoch * recipe.batchSize);
  const evaluated = computed * evaluationShare;
  const epochSeconds = image * trained * growthShare(plan, recipe) + evaluated * images.validation;
  const supply = decoded && decoded.picturesPerSecond * image;
  return {
    stepsPerEpoch,
    steps,
    imagesPerSecond: 1 / image,
    epochSeconds,
    seconds: recipe.epochs * epochSeconds + evaluated * images.test,
    ...(decoded && {
      decoding: { picturesPerSecond: decoded.picturesPerSecond, waitingShare: Math.max(0, 1 - supply!) },
    }),
    memory: {
      predicted: trainingMemory({
        plan,
        batch: imagesTogether(recipe),
        images: training.inMemory,
        computing,
        streamedBatch: stream?.batchSize,
      }),
      free: freeFor(computing.device),
    },
    disk: diskOf(training),
  };
}

const probing = { stepSeconds: 1, steps: { cpu: 3, device: 20 } };

/** Measures steps on noise in a process of its own; returns the seconds of an image. */
async function secondsPerImage({ plan, recipe, computing, threads }: PlannedTraining): Promise<number> {
  const together = imagesTogether(recipe);
  const isCpu = computing.device === cpu;
  const lawOf = (batch: number) => lawValue(startingLaws.seconds, stepTerms(plan, { steps: 1, batch })) / threads;
  const affordable = Math.floor(probing.stepSeconds / (lawOf(2) - lawOf(1)));
  const batch = isCpu ? Math.max(1, Math.min(together, affordable)) : together;
  const steps = isCpu ? probing.steps.cpu : probing.steps.device;
  const { accumulate: _, freezeEpochs: __, ...steady } = recipe;
  await using runner = probeRunner(1, threads);
  const outcome = await runner.run({ plan, recipe: steady, batch, steps, computing } satisfies ProbeJob);
  if ('failure' in outcome) throw new Failure(`a step could not be run: ${outcome.failure.message}`);
  return (outcome.result as Probed).seconds / (steps * batch);
}

/** Returns the time of a training with smaller images at its beginning, as a share of that without. */
function growthShare(plan: Plan, { growth }: Recipe): number {
  const [full] = plan.input;
  return phasesOf(plan, growth).reduce((sum, { from, until, side }) => sum + (until - from) * (side / full) ** 2, 0);
}

const bytesPerNumber = 4;
/** Numbers that an optimizer stores for each weight. */
const optimizerSlots = { momentum: 1, rmsprop: 2, adam: 2 } as const;

/** A checkpoint has the weights, those of the best epoch and of the average, and the optimizer's numbers. */
function diskOf({ plan, recipe, keepCheckpoints }: PlannedTraining): TrainingForecast['disk'] {
  const values = weightCount(plan); // with moving statistics
  const copies = 2 + (hasAverage(recipe) ? 1 : 0);
  const slots = optimizerSlots[recipe.optimizer?.name ?? 'momentum'];
  const checkpoint = bytesPerNumber * (copies * values + slots * plan.trainableParameters);
  const used = bytesPerNumber * values;
  return { checkpoint, checkpoints: keepCheckpoints * checkpoint, models: 2 * used };
}

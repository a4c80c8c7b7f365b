// Predicts a training before it starts: its steps, time, memory and disk. The time of a step and of decoding a picture
// are measured on this machine in some seconds.

import type { ShownImages } from '../children/job-images.ts';
import { type Computing, cpu } from '../engine/device.ts';
import { Failure } from '../failure.ts';
import type { Plan } from '../plan/plan.ts';
import { weightCount } from '../plan/plan-work.ts';
import { freePort } from '../replicas/free-port.ts';
import { phasesOf } from '../train/growth.ts';
import { hasAverage } from '../train/learning-rate.ts';
import { type Recipe, replicaImages, stepsOf, stepsPerEpoch } from '../train/recipe.ts';
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
  stream?: { shown: ShownImages } | undefined;
  keepCheckpoints: number;
  /** Processes that train together, each with such a device and so many threads. Default: one. */
  replicas?: ForecastReplicas | undefined;
}

export interface ForecastReplicas {
  /** On all machines. */
  count: number;
  /** The devices of those of this machine. */
  devices: readonly string[];
  /** Whether norms use the images of all. */
  synchronisesNorms: boolean;
}

export interface TrainingForecast {
  stepsPerEpoch: number;
  steps: number;
  /** Images a second of all replicas, measured, with decoding next to it on a CPU. */
  imagesPerSecond: number;
  /** Seconds of an epoch with its validation, on average over smaller images at the beginning; and of all. */
  epochSeconds: number;
  seconds: number;
  /** Pictures a second that the decoding threads can show, and the share of the time that the training will wait. */
  decoding?: { picturesPerSecond: number; waitingShare: number };
  /** Predicted peak bytes of this machine's processes, or of a GPU, and those that are free; undefined if unknown. */
  memory: { predicted: number; free: number | undefined };
  replicas?: ReplicasForecast;
  /** Bytes of a checkpoint, of all that stay, and of the model files. */
  disk: { checkpoint: number; checkpoints: number; models: number };
}

export interface ReplicasForecast {
  count: number;
  /** Those of this machine. */
  here: number;
  threads: number;
  /** Images of a step of each; of the first ones, if they differ. */
  images: number;
  /** Predicted peak bytes of each. */
  memory: number;
  /** Bytes that each sends in a step. */
  sent: number;
  /** Seconds of a step in exchanges, measured among those of this machine; absent: all others are elsewhere. */
  exchange?: { seconds: number; transport: string };
}

/** An evaluation has a third of the work of training: no backward pass, which has twice that of the forward pass. */
const evaluationShare = 1 / 3;

/** Measures and predicts. @throws Failure if a step cannot be run */
export async function forecastTraining(training: PlannedTraining): Promise<TrainingForecast> {
  const { plan, recipe, computing, threads, images, stream, replicas } = training;
  const count = replicas?.count ?? 1;
  const perEpoch = stepsPerEpoch(images.train, recipe.batchSize);
  const steps = stepsOf(recipe, perEpoch);
  const decoded = await stream?.shown.decodingSpeed?.();
  const { image: computed, exchange } = await measured(training);
  const average = await overSizes(training, computed);
  const onCores = computing.device === cpu && decoded ? decoded.threads / (threads * decoded.picturesPerSecond) : 0;
  const image = computed + onCores;
  const together = Math.min(images.train, recipe.batchSize) / count; // images of a step of each
  const exchanging = exchange?.seconds ?? 0;
  const evaluated = computed * evaluationShare;
  const epochSeconds = perEpoch * ((average + onCores) * together + exchanging) + evaluated * images.validation;
  const supply = decoded && decoded.picturesPerSecond * image;
  const own = memoryOf(training);
  return {
    stepsPerEpoch: perEpoch,
    steps,
    imagesPerSecond: (count * together) / (image * together + exchanging),
    epochSeconds,
    seconds: recipe.epochs * epochSeconds + evaluated * images.test,
    ...(decoded && {
      decoding: { picturesPerSecond: count * decoded.picturesPerSecond, waitingShare: Math.max(0, 1 - supply!) },
    }),
    memory: {
      predicted: computing.device === cpu ? (replicas?.devices.length ?? 1) * own : own,
      free: freeFor(computing.device),
    },
    ...(replicas && {
      replicas: {
        ...{ count, here: replicas.devices.length, threads, images: Math.ceil(together), memory: own },
        sent: (2 * (count - 1) * bytesPerNumber * plan.trainableParameters) / count,
        ...(exchange && { exchange }),
      },
    }),
    disk: diskOf(training),
  };
}

/** Predicts the peak bytes of one process. */
function memoryOf({ plan, recipe, computing, inMemory, stream, replicas }: PlannedTraining): number {
  const count = replicas?.count ?? 1;
  const streamedBatch = stream && Math.ceil(recipe.batchSize / count);
  return trainingMemory({ plan, batch: replicaImages(recipe, count), images: inMemory, computing, streamedBatch });
}

const probing = { stepSeconds: 1, steps: { cpu: 3, device: 20 } };

/** Returns the seconds of an image on average over a training whose images grow, from those of one of full size. */
async function overSizes(training: PlannedTraining, full: number): Promise<number> {
  const { plan, recipe } = training;
  let average = 0;
  for (const { from, until, side } of phasesOf(plan, recipe.growth)) {
    const image = side < plan.input[0] ? (await measured(training, side)).image : full;
    average += (until - from) * image;
  }
  return average;
}

/**
 * Measures steps on noise in processes of their own; returns the seconds of an image, and of a step's exchange.
 * @param side of the images in pixels; default: that of the network
 */
async function measured(
  { plan, recipe, computing, threads, replicas }: PlannedTraining,
  side?: number,
): Promise<{ image: number; exchange?: ReplicasForecast['exchange'] }> {
  const devices = replicas?.devices ?? [computing.device];
  const together = replicaImages(recipe, replicas?.count ?? 1);
  const isCpu = computing.device === cpu;
  const lawOf = (batch: number) => lawValue(startingLaws.seconds, stepTerms(plan, { steps: 1, batch })) / threads;
  const affordable = Math.floor(probing.stepSeconds / (lawOf(2) - lawOf(1)));
  const batch = isCpu ? Math.max(1, Math.min(together, affordable)) : together;
  const steps = isCpu ? probing.steps.cpu : probing.steps.device;
  const { accumulate: _, ...whole } = recipe;
  const count = devices.length;
  const shared = count > 1 && { count, port: await freePort(), synchronisesNorms: replicas!.synchronisesNorms };
  await using runner = probeRunner(count, threads);
  const outcomes = await Promise.all(
    devices.map((device, rank) => {
      const job = {
        ...{ plan, recipe: whole, batch: batch * count, steps, ...(side && { side }) },
        computing: { ...computing, device },
      };
      return runner.run({ ...job, ...(shared && { replicas: { rank, ...shared } }) } satisfies ProbeJob);
    }),
  );
  for (const outcome of outcomes)
    if ('failure' in outcome) throw new Failure(`a step could not be run: ${outcome.failure.message}`);
  const probed = outcomes.map((outcome) => (outcome as { result: unknown }).result as Probed);
  const { seconds, exchange } = probed[0]!; // they wait for each other
  if (!exchange) return { image: seconds / (steps * batch) };
  return {
    image: (seconds - exchange.seconds) / (steps * batch),
    exchange: { seconds: exchange.seconds / steps, transport: exchange.transport },
  };
}

const bytesPerNumber = 4;
/** Numbers that an optimizer stores for each weight. */
const optimizerSlots = { momentum: 1, rmsprop: 2, adam: 2, muon: 1 } as const;

/** A checkpoint has the weights, those of the best epoch and of the average, and the optimizer's numbers. */
function diskOf({ plan, recipe, keepCheckpoints }: PlannedTraining): TrainingForecast['disk'] {
  const values = weightCount(plan); // with moving statistics
  const copies = 2 + (hasAverage(recipe) ? 1 : 0);
  const slots = optimizerSlots[recipe.optimizer?.name ?? 'momentum'];
  const checkpoint = bytesPerNumber * (copies * values + slots * plan.trainableParameters);
  const used = bytesPerNumber * values;
  return { checkpoint, checkpoints: keepCheckpoints * checkpoint, models: 2 * used };
}

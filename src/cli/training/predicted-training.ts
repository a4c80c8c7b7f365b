// `nasnet train --dry-run`: what a training would take, without training.

import type { ShownImages } from '../../children/job-images.ts';
import { openStreamedImages } from '../../children/streamed-images.ts';
import { type Computing, cpu, type Precision } from '../../engine/device.ts';
import {
  type ForecastReplicas,
  forecastTraining,
  type ReplicasForecast,
  type TrainingForecast,
} from '../../forecast/training-forecast.ts';
import type { Plan } from '../../plan/plan.ts';
import type { Architecture } from '../../space/architecture.ts';
import type { Training } from '../../study/settings.ts';
import { trainedPlan, usedPlan } from '../../study/training-plan.ts';
import { bytesWords, duration, epochWord, millisecondsWords, percent, rate, whole } from '../../words.ts';
import type { TrainedImages } from './trained-images.ts';

export interface DryRun {
  /** As the user named it. */
  name: string;
  architecture: Architecture;
  training: Training;
  images: TrainedImages;
  counts: { train: number; validation: number; test: number };
  computing: Computing;
  /** Threads of each replica. */
  threads: number;
  replicas: ForecastReplicas | undefined;
  seeds: number;
  keepCheckpoints: number;
}

/** The document that --json prints. */
export interface DryRunDocument extends TrainingForecast {
  model: string;
  pixels: number;
  classes: number;
  trainableParameters: number;
  multiplyAdds: number;
  images: DryRun['counts'];
  epochs: number;
  seeds: number;
  precision: Precision;
}

/** Measures and predicts a training. */
export async function dryRun(run: DryRun): Promise<DryRunDocument> {
  const { name, architecture, training, images, counts, computing, threads, replicas, seeds, keepCheckpoints } = run;
  const { recipe, resolution } = training;
  const classes = images.classes.length;
  const used = usedPlan(architecture, training, classes);
  const plan = trainedPlan(architecture, training, classes);
  const shown = await shownStream(run, plan);
  const forecast = await forecastTraining({
    plan,
    recipe,
    computing,
    threads,
    images: counts,
    inMemory: images.inMemory,
    stream: shown && { shown },
    keepCheckpoints,
    replicas,
  });
  const { trainableParameters, multiplyAdds } = used;
  const about = { model: name, pixels: resolution, classes, trainableParameters, multiplyAdds };
  return { ...about, images: counts, epochs: recipe.epochs, seeds, precision: computing.precision, ...forecast };
}

async function shownStream(run: DryRun, plan: Plan): Promise<ShownImages | undefined> {
  const { images, training, computing, threads } = run;
  const [stream] = images.resources.streams ?? [];
  if (!stream) return undefined;
  const options = { resolution: training.resolution, seed: 0 };
  const opened = await openStreamedImages(stream, options, { computing, threads });
  return opened.shownFor(training.recipe, { plan });
}

export function dryRunWords(document: DryRunDocument, { device }: Pick<Computing, 'device'>): string {
  const { model, pixels, classes, images, epochs, seeds, decoding, replicas, memory, disk } = document;
  const where = device === cpu ? 'this machine' : device;
  const isTooMuch = memory.free !== undefined && memory.predicted > memory.free;
  return [
    `${model}: ${pixels} × ${pixels} pixels, ${whole(classes)} classes, ${whole(document.trainableParameters)} parameters, ${whole(document.multiplyAdds)} multiply-adds`,
    `images: ${whole(images.train)} to train on, ${whole(images.validation)} held out, ${whole(images.test)} to test on`,
    `steps: ${whole(document.stepsPerEpoch)} an epoch, ${whole(document.steps)} in ${epochWord(epochs)} epochs`,
    `time: ${duration(document.epochSeconds)} an epoch at ${rate(document.imagesPerSecond)} images/s (measured in ${document.precision}), ${duration(document.seconds)} in all${seeds > 1 ? `, ${duration(seeds * document.seconds)} for ${seeds} seeds` : ''}`,
    ...(decoding
      ? [
          `decoding: ${rate(decoding.picturesPerSecond)} pictures/s (measured); the training waits ${percent(decoding.waitingShare)} of the time`,
        ]
      : []),
    ...(replicas ? replicaLines(replicas) : []),
    `memory: ${bytesWords(memory.predicted)} of ${where}${memory.free === undefined ? '' : `, ${bytesWords(memory.free)} free${isTooMuch ? ': too little; a smaller batch, or one in more parts (--accumulate), takes less' : ''}`}`,
    `disk: ${bytesWords(disk.checkpoint)} a checkpoint, ${bytesWords(disk.checkpoints)} in all, ${bytesWords(disk.models)} for the weights`,
    '',
  ].join('\n');
}

function replicaLines({ count, here, threads, images, memory, sent, exchange }: ReplicasForecast): string[] {
  const share = `${images === 1 ? '1 image' : `${whole(images)} images`} of a batch, ${threads === 1 ? '1 thread' : `${threads} threads`} and ${bytesWords(memory)}`;
  const where = here === count ? 'of this machine' : `${here} of them on this machine`;
  const seconds = exchange && `${millisecondsWords(1000 * exchange.seconds)} of a step over ${exchange.transport}`;
  const between =
    here === count
      ? `${seconds} (measured)`
      : `${exchange ? `${seconds} (measured on this machine only)` : 'not measured'}; the network between the machines adds to the time`;
  return [
    `replicas: ${count}, ${where}, each with ${share}`,
    `exchange: each sends ${bytesWords(sent)} a step; ${between}`,
  ];
}

// What a worker does: builds one architecture as a network, trains it, measures it. Children of a search and the network built
// from the best cell go through the same door; a job says by plain data which of the two it is.

import { EvaluationBatches, TrainingBatches } from '../data/batches.ts';
import { type Dataset, openDataset } from '../data/dataset.ts';
import type { DatasetFiles } from '../data/dataset-files.ts';
import { type Split, split } from '../data/split.ts';
import { measureWhitening, type Whitening } from '../data/whitening.ts';
import { setThreads } from '../engine/machine.ts';
import { writeModel } from '../model/model-file.ts';
import { buildNetwork } from '../model/network.ts';
import { whitenedPreprocessing } from '../model/preprocessing.ts';
import { RandomStream } from '../random/stream.ts';
import type { Architecture } from '../space/architecture.ts';
import { planNetwork } from '../space/plan.ts';
import { Checkpoints } from '../train/checkpoint.ts';
import { type Accuracy, evaluateNetwork, evaluationBatch } from '../train/evaluation.ts';
import { trainNetwork } from '../train/training.ts';
import { nasnetVersion } from '../version.ts';
import type { EvaluateJob } from '../workers/messages.ts';
import type { WorkerResult } from './evaluation.ts';
import type { EpochReport } from './log.ts';
import type { Training } from './preset.ts';
import { forgetPeakMemory, peakMemory } from './worker-memory.ts';

/** What all jobs of a pool share: the images, and how they are divided. */
export interface TrainingSetup {
  files: DatasetFiles;
  /** Of the images and the split; the recipe and the sizes come with each job. */
  training: Pick<Training, 'resolution' | 'trainingImages'>;
  validationImages?: number | undefined;
  splitSeed: number | string;
  threads: number;
}

export interface TrainingJob {
  architecture: Architecture;
  training: Training;
  /** Of the first weights, the order of the images, augmentation and drop-path. */
  seed: number | string;
  /** Also measure on the test images, and keep the weights here. */
  keepModel?: { weights: string; checkpoint: string };
}

/** What a job with `keepModel` says on its way; other jobs report their epochs only. */
export type FinalMessage = EpochReport | { progress: number };

/** What a result says beside the reward. */
export interface TrainingDetails {
  trainableParameters: number;
  multiplyAdds: number;
  /** On the validation images. */
  loss: number;
  trainingSeconds: number;
  /** Bytes that the worker held at most while it trained this one; absent in older studies. */
  peakMemory?: number;
  test?: Accuracy;
}

/** Called once in each worker process (workers/messages.ts). */
export async function start(setup: unknown): Promise<EvaluateJob> {
  const { files, training, validationImages, splitSeed, threads } = setup as TrainingSetup;
  setThreads(threads);
  const dataset = await openDataset(files, { resolution: training.resolution });
  const parts = split(files, { validation: validationImages, training: training.trainingImages, seed: splitSeed });
  const images: Images = { dataset, parts, whitening: measureWhitening(dataset.train.images, parts.train) };
  return (job, report, signal) => run(images, job as TrainingJob, report as (message: FinalMessage) => void, signal);
}

interface Images {
  dataset: Dataset;
  parts: Split;
  whitening: Whitening;
}

async function run(
  { dataset, parts, whitening }: Images,
  { architecture, training, seed, keepModel }: TrainingJob,
  report: (message: FinalMessage) => void,
  signal: AbortSignal,
): Promise<WorkerResult> {
  forgetPeakMemory();
  const { cells, filters, resolution, recipe } = training;
  const classes = dataset.classes.length;
  const plan = planNetwork(architecture, {
    cells,
    filters,
    input: resolution,
    classes,
    auxiliary: recipe.auxiliaryWeight > 0,
  });
  const network = buildNetwork(plan, {
    seed: new RandomStream(seed).split('weights').integer(2 ** 31),
    dropPathKeep: recipe.dropPathKeep,
  });
  try {
    const { batchSize } = recipe;
    const batches = new TrainingBatches({
      from: dataset.train,
      indices: parts.train,
      whitening,
      batchSize,
      seed,
      augmentation: recipe,
    });
    const validation = new EvaluationBatches({
      from: dataset.train,
      indices: parts.validation,
      whitening,
      batchSize: evaluationBatch,
    });
    const started = performance.now();
    const last = await trainNetwork(network, batches, recipe, {
      seed,
      signal,
      validate: () => evaluateNetwork(network, validation, classes),
      validateEveryEpoch: keepModel !== undefined,
      ...(keepModel && {
        checkpoints: new Checkpoints(keepModel.checkpoint, {
          identity: JSON.stringify({ architecture, training, seed }),
        }),
      }),
      ...(keepModel && { onProgress: (progress) => report({ progress }) }),
      onEpoch: ({ epoch, loss, imagesPerSecond, validation: seen, ...details }) =>
        report({ epoch, loss, imagesPerSecond, ...(seen && { accuracy: seen.accuracy }), details }),
    });
    const details: TrainingDetails = {
      trainableParameters: plan.trainableParameters,
      multiplyAdds: plan.multiplyAdds,
      loss: last.validation!.loss,
      trainingSeconds: (performance.now() - started) / 1000,
      peakMemory: peakMemory(),
    };
    if (keepModel) {
      const test = new EvaluationBatches({ from: dataset.test, whitening, batchSize: evaluationBatch });
      details.test = evaluateNetwork(network, test, classes);
      writeModel(keepModel.weights, network, {
        architecture,
        network: { layout: 'cifar', cells, filters, input: [resolution, resolution] },
        classes: dataset.classes,
        preprocessing: whitenedPreprocessing(whitening),
        origin: `trained by nasnet ${nasnetVersion()} on ${dataset.name}`,
      });
    }
    return { reward: last.validation!.accuracy, details };
  } finally {
    network.dispose();
  }
}

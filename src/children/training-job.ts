// What a worker does: builds one architecture as a network, trains it, measures it. Children of a search and the network built
// from the best cell go through the same door; a job says by plain data which of the two it is.

import { dirname } from 'node:path';
import { EvaluationBatches, TrainingBatches } from '../data/batches.ts';
import { type Dataset, openDataset } from '../data/dataset.ts';
import type { DatasetFiles } from '../data/dataset-files.ts';
import { imagesOn } from '../data/device-images.ts';
import { type Split, type SplitOptions, split } from '../data/split.ts';
import { testViewOf } from '../data/test-view.ts';
import { measureWhitening, type Whitening } from '../data/whitening.ts';
import { type Computing, onCpu, prepareDevice } from '../engine/device.ts';
import { setThreads } from '../engine/machine.ts';
import { Failure, InputError } from '../failure.ts';
import { writeModel } from '../model/model-file.ts';
import { trainedPreprocessing } from '../model/preprocessing.ts';
import type { Architecture } from '../space/architecture.ts';
import type { EpochReport, TrainingDetails, WorkerResult } from '../study/outcome.ts';
import type { Training } from '../study/settings.ts';
import { networkOf } from '../study/training-plan.ts';
import { Checkpoints, loadTraining, saveTraining } from '../train/checkpoint.ts';
import { type Accuracy, evaluateNetwork, evaluationBatchOn } from '../train/evaluation.ts';
import { trainNetwork } from '../train/training.ts';
import { nasnetVersion } from '../version.ts';
import { makeFolder } from '../whole-file.ts';
import type { EvaluateJob } from '../workers/messages.ts';
import { Child } from './child-network.ts';
import { onDevice } from './device-failure.ts';
import { forgetPeakMemory, peakMemory } from './worker-memory.ts';

/** What all jobs of a pool share: the images, and how they are divided. */
export interface TrainingSetup {
  files: DatasetFiles;
  /** Of the images that most jobs use; those of other ones are mapped when they come. */
  training: ImageChoice;
  validationImages?: number | undefined;
  splitSeed: number | string;
  threads: number;
  /** Default: float32 on the CPU. */
  computing?: Computing;
}

type ImageChoice = Pick<Training, 'resolution'> & { trainingImages?: Training['trainingImages'] | undefined };

/** One training, with the seed of the order of the images, augmentation and drop-path; of the first weights too, if it is the first. */
export interface SeededTraining {
  training: Training;
  seed: number | string;
}

export interface TrainingJob extends SeededTraining {
  architecture: Architecture;
  /** Trainings of the same weights and momentum that come before this one. */
  earlier?: SeededTraining[];
  /** The files where the network waits after those, and shall wait after this one. Without the first the earlier ones are done again. */
  paused?: { from?: string | undefined; to?: string | undefined };
  /** The file from which this training goes on when it was interrupted; it is written every half minute. */
  checkpoint?: { path: string; seconds?: number };
  /** Also measure on the test images, and keep the weights here. The checkpoint then stays for the caller to remove. */
  keepModel?: { weights: string };
}

/** What our own epochs report beside the loss and the accuracy. */
export interface EpochDetails {
  trainingAccuracy: number;
  learningRate: number;
  /** On the held-out images, of the last weights where averaged ones come out; in the last epoch. */
  unaveragedAccuracy?: number;
}

/** What a job with `keepModel` says on its way; other jobs report their epochs only. */
export type FinalMessage = EpochReport | { progress: number };

/** Called once in each worker process (workers/messages.ts). */
export async function start(setup: unknown): Promise<EvaluateJob> {
  const { files, training, validationImages, splitSeed, threads, computing = onCpu } = setup as TrainingSetup;
  setThreads(threads);
  prepareDevice(computing.device);
  const opened = new Map<string, Promise<Images>>();
  const imagesFor = ({ resolution, trainingImages }: ImageChoice): Promise<Images> => {
    const key = `${resolution} ${trainingImages}`;
    const known = opened.get(key);
    if (known) return known;
    const options: SplitOptions = {
      ...(validationImages !== undefined && { validation: validationImages }),
      ...(trainingImages !== undefined && { training: trainingImages }),
      seed: splitSeed,
    };
    const images = openImages(files, resolution, options, computing);
    opened.set(key, images);
    images.catch(() => opened.delete(key));
    return images;
  };
  await imagesFor(training);
  return async (asked, report, signal) => {
    const job = asked as TrainingJob;
    const train = () => run(imagesFor, job, report as (message: FinalMessage) => void, signal);
    return onDevice(computing.device, job.training.recipe, train);
  };
}

interface Images {
  computing: Computing;
  dataset: Dataset;
  parts: Split;
  whitening: Whitening;
}

async function openImages(
  files: DatasetFiles,
  resolution: number,
  options: SplitOptions,
  computing: Computing,
): Promise<Images> {
  const dataset = await openDataset(files, { resolution });
  const parts = split(files, options);
  const whitening = measureWhitening(dataset.train.images, parts.train);
  const train = imagesOn(computing.device, dataset.train);
  return { computing, dataset: { ...dataset, train }, parts, whitening };
}

async function run(
  imagesFor: (choice: ImageChoice) => Promise<Images>,
  job: TrainingJob,
  report: (message: FinalMessage) => void,
  signal: AbortSignal,
): Promise<WorkerResult> {
  forgetPeakMemory();
  const images = await imagesFor(job.training);
  const began = await begin(imagesFor, job, signal);
  using child = began.child;
  const started = performance.now();
  const epochs = new ToldEpochs(report);
  const checkpoints = checkpointsOf(job, epochs);
  const { loss, accuracy } = await trainLast(child, job, images, { report, epochs, checkpoints, signal });
  const details: TrainingDetails = {
    trainableParameters: child.plan.trainableParameters,
    multiplyAdds: child.plan.multiplyAdds,
    loss,
    trainingSeconds: (performance.now() - started) / 1000,
    peakMemory: peakMemory(),
    ...(job.earlier && { continued: began.continued }),
    ...(epochs.resumed && { resumed: true }),
  };
  const notes = [
    ...began.notes,
    ...(checkpoints?.problem ? [`an interruption would have cost its training: ${checkpoints.problem}`] : []),
    ...(job.paused?.to ? pause(child, job.paused.to, identityOf(job)) : []),
  ];
  if (notes.length > 0) details.notes = notes;
  if (job.keepModel) details.test = testAndKeep(child, job, images, job.keepModel.weights);
  else checkpoints?.remove();
  return { reward: accuracy, details };
}

/** The epochs that a training reports. One that goes on from its checkpoint reports those before it again: an attempt has all of its own. */
class ToldEpochs {
  readonly #report: (epoch: EpochReport) => void;
  readonly #epochs: EpochReport[] = [];
  /** It went on from a checkpoint. */
  resumed = false;

  constructor(report: (epoch: EpochReport) => void) {
    this.#report = report;
  }

  tell(epoch: EpochReport): void {
    this.#epochs.push(epoch);
    this.#report(epoch);
  }

  keep(): EpochReport[] {
    return this.#epochs;
  }

  giveBack(epochs: EpochReport[]): void {
    this.resumed = true;
    for (const epoch of epochs) this.tell(epoch);
  }
}

function checkpointsOf(job: TrainingJob, epochs: ToldEpochs): Checkpoints | undefined {
  if (!job.checkpoint) return undefined;
  return new Checkpoints(job.checkpoint.path, {
    ...job.checkpoint,
    identity: identityOf(job),
    optional: job.keepModel === undefined,
    beside: { keep: () => epochs.keep(), giveBack: (kept) => epochs.giveBack(kept as EpochReport[]) },
  });
}

interface Telling {
  report: (message: FinalMessage) => void;
  epochs: ToldEpochs;
  checkpoints: Checkpoints | undefined;
  signal: AbortSignal;
}

/** The job's own training, after those before it. Returns what the network then is on the validation images. */
async function trainLast(
  { network, optimizer }: Child,
  { training, seed, keepModel }: TrainingJob,
  images: Images,
  { report, epochs, checkpoints, signal }: Telling,
): Promise<Accuracy> {
  const { computing, dataset, parts, whitening } = images;
  const { recipe } = training;
  const view = recipe.matchTestView || keepModel ? testViewOf(recipe, whitening) : whitening;
  const batchSize = evaluationBatchOn(computing.device);
  const validation = new EvaluationBatches({ from: dataset.train, indices: parts.validation, view, batchSize });
  const last = await trainNetwork(network, batchesOf(images, training, seed), recipe, {
    seed,
    signal,
    optimizer,
    validate: () => evaluateNetwork(network, validation, dataset.classes.length),
    validateEveryEpoch: keepModel !== undefined,
    ...(checkpoints && { checkpoints }),
    ...(keepModel && { onProgress: (progress) => report({ progress }) }),
    onEpoch: ({ epoch, loss, imagesPerSecond, validation: seen, unaveraged, ...more }) => {
      const details: EpochDetails = { ...more, ...(unaveraged && { unaveragedAccuracy: unaveraged.accuracy }) };
      epochs.tell({ epoch, loss, imagesPerSecond, ...(seen && { accuracy: seen.accuracy }), details });
    },
  });
  return last.validation!;
}

/** Measures a trained network on the test images, as its model file then shows them to it, and writes that file. */
function testAndKeep(
  { network }: Child,
  { architecture, training }: TrainingJob,
  { computing, dataset, whitening }: Images,
  weights: string,
): Accuracy {
  const { recipe } = training;
  const view = testViewOf(recipe, whitening);
  const batches = new EvaluationBatches({ from: dataset.test, view, batchSize: evaluationBatchOn(computing.device) });
  const accuracy = evaluateNetwork(network, batches, dataset.classes.length);
  writeModel(weights, network, {
    architecture,
    network: networkOf(training),
    classes: dataset.classes,
    preprocessing: trainedPreprocessing(view),
    trainedEnlarge: recipe.enlarge,
    origin: `trained by nasnet ${nasnetVersion()} on ${dataset.name}`,
  });
  return accuracy;
}

interface Begun {
  child: Child;
  continued: boolean;
  notes: string[];
}

/** The network as its last training is to find it: fresh, from the file where it waits, or from its earlier trainings done again. */
async function begin(
  imagesFor: (choice: ImageChoice) => Promise<Images>,
  { architecture, training, seed, earlier = [], paused }: TrainingJob,
  signal: AbortSignal,
): Promise<Begun> {
  const { computing, dataset } = await imagesFor(training);
  const notes: string[] = [];
  const trainings = [...earlier, { training, seed }];
  const childOf = (step: SeededTraining) =>
    new Child(architecture, step.training, { classes: dataset.classes.length, seed: trainings[0]!.seed, computing });
  if (earlier.length > 0 && paused?.from) {
    const child = childOf({ training, seed });
    try {
      const last = { architecture, ...earlier.at(-1)!, earlier: earlier.slice(0, -1) };
      loadTraining(paused.from, child, identityOf(last));
      return { child, continued: true, notes };
    } catch (error) {
      child[Symbol.dispose]();
      if (!(error instanceof InputError)) throw error;
      notes.push(`its kept weights cannot be used, so it was trained from its beginning: ${error.message}`);
    }
  }
  let child = childOf(trainings[0]!);
  try {
    for (const [place, step] of earlier.entries()) {
      const { network, optimizer } = child;
      const batches = batchesOf(await imagesFor(step.training), step.training, step.seed);
      await trainNetwork(network, batches, step.training.recipe, { seed: step.seed, signal, optimizer });
      using before = child;
      child = childOf(trainings[place + 1]!);
      child.takeOver(before);
    }
    return { child, continued: false, notes };
  } catch (error) {
    child[Symbol.dispose]();
    throw error;
  }
}

/** Leaves the network in a file. Returns what went wrong: a full disk costs the weights and not the search. */
function pause(child: Child, path: string, identity: string): string[] {
  try {
    makeFolder(dirname(path));
    saveTraining(path, child, { identity, step: child.optimizer.stepsTaken });
    return [];
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return [`its weights are not kept, so if it is promoted it will be trained from its beginning: ${error.message}`];
  }
}

/** What a paused network must have gone through, in the words of the version that began it. */
function identityOf({ architecture, training, seed, earlier = [] }: TrainingJob): string {
  const trainings = [...earlier, { training, seed }];
  return JSON.stringify({
    architecture,
    trainings: trainings.map((step) => ({ training: asBegun(step.training), seed: step.seed })),
  });
}

/** Without what older versions could not say and therefore left out (settings.ts). */
function asBegun(training: Training): object {
  const { matchTestView, ...recipe } = training.recipe;
  return matchTestView ? training : { ...training, recipe };
}

function batchesOf({ dataset, parts, whitening }: Images, { recipe }: Training, seed: number | string) {
  return new TrainingBatches({
    from: dataset.train,
    indices: parts.train,
    whitening,
    batchSize: recipe.batchSize,
    seed,
    augmentation: recipe,
  });
}

// What a worker does: builds one architecture as a network, trains it, measures it. Children of a search and the network built
// from the best cell go through the same door; a job says by plain data which of the two it is. Jobs and their setup name datasets and files
// by content and key, so that any machine can do them; what its worker processes find there is their resources.

import { z } from 'zod';
import { type ArtifactFolders, type ArtifactKey, type Artifacts, FolderArtifacts } from '../artifacts.ts';
import { EvaluationBatches } from '../data/batches.ts';
import { type DatasetFiles, type DatasetReference, datasetAmong } from '../data/dataset-files.ts';
import type { SplitOptions } from '../data/split.ts';
import { testViewOf } from '../data/test-view.ts';
import { openTrainingImages, type TrainingImages, trainingBatches } from '../data/training-images.ts';
import { type Computing, onCpu, prepareDevice } from '../engine/device.ts';
import { setThreads } from '../engine/machine.ts';
import { Failure, InputError } from '../failure.ts';
import { writeModel } from '../model/model-file.ts';
import { trainedPreprocessing } from '../model/preprocessing.ts';
import type { Architecture } from '../space/architecture.ts';
import type { EpochReport, TrainingDetails, WorkerResult } from '../study/outcome.ts';
import { epochReport } from '../study/result-schemas.ts';
import type { Training } from '../study/settings.ts';
import { networkOf } from '../study/training-plan.ts';
import { Checkpoints, loadTraining, saveTraining } from '../train/checkpoint.ts';
import { type Accuracy, evaluateNetwork, evaluationBatchOn } from '../train/evaluation.ts';
import { trainNetwork } from '../train/training.ts';
import { nasnetVersion } from '../version.ts';
import type { EvaluateJob } from '../workers/messages.ts';
import { Child } from './child-network.ts';
import { onDevice } from './device-failure.ts';
import { forgetPeakMemory, peakMemory } from './worker-memory.ts';

/** What all jobs of a pool share: the images, and how they are divided. */
export interface TrainingSetup {
  dataset: DatasetReference;
  /** Of the images that most jobs use; those of other ones are mapped when they come. */
  training: ImageChoice;
  validationImages?: number | undefined;
  splitSeed: number | string;
}

/** What a machine has for such jobs. Plain data with paths: it never leaves the machine. */
export interface TrainingResources {
  datasets: readonly DatasetFiles[];
  /** Where artifacts lie. Default: nowhere, for jobs that name none. */
  artifacts?: ArtifactFolders;
  /** Of one worker process. */
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
  /** Where the network waits after those, and shall wait after this one. Without the first the earlier ones are done again. */
  paused?: { from?: ArtifactKey; to?: ArtifactKey };
  /** Where this training goes on when it was interrupted; it is written every half minute. */
  checkpoint?: { key: ArtifactKey; seconds?: number };
  /** Also measure on the test images, and keep the weights here. The checkpoint then stays for the caller to remove. */
  keepModel?: { weights: ArtifactKey };
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
export async function start(setup: unknown, resources: unknown): Promise<EvaluateJob> {
  return trainer(setup as TrainingSetup, resources as TrainingResources);
}

/** Does jobs in this process. @throws Failure if this machine has no such dataset */
export async function trainer(setup: TrainingSetup, resources: TrainingResources): Promise<EvaluateJob> {
  const { dataset, training, validationImages, splitSeed } = setup;
  const { datasets, artifacts = {}, threads, computing = onCpu } = resources;
  setThreads(threads);
  prepareDevice(computing.device);
  const files = datasetAmong(datasets, dataset);
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
  const place: Place = { imagesFor, artifacts: new FolderArtifacts(artifacts) };
  return async (asked, report, signal) => {
    const job = asked as TrainingJob;
    const train = () => run(place, job, report as (message: FinalMessage) => void, signal);
    return onDevice(computing.device, job.training.recipe, train);
  };
}

/** Where a job is done. */
interface Place {
  imagesFor: (choice: ImageChoice) => Promise<Images>;
  artifacts: Artifacts;
}

interface Images extends TrainingImages {
  computing: Computing;
}

async function openImages(
  files: DatasetFiles,
  resolution: number,
  options: SplitOptions,
  computing: Computing,
): Promise<Images> {
  const { device } = computing;
  return { computing, ...(await openTrainingImages(files, { ...options, resolution, device })) };
}

async function run(
  place: Place,
  job: TrainingJob,
  report: (message: FinalMessage) => void,
  signal: AbortSignal,
): Promise<WorkerResult> {
  forgetPeakMemory();
  const images = await place.imagesFor(job.training);
  const began = await begin(place, job, signal);
  using child = began.child;
  const started = performance.now();
  const epochs = new ToldEpochs(report);
  const checkpoints = checkpointsOf(place, job, epochs);
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
    ...(job.paused?.to ? await pause(place, child, job.paused.to, identityOf(job)) : []),
  ];
  if (notes.length > 0) details.notes = notes;
  if (job.keepModel) details.test = await testAndKeep(place, child, job, images, job.keepModel.weights);
  else await checkpoints?.remove();
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

const epochReports = z.array(epochReport);

function checkpointsOf({ artifacts }: Place, job: TrainingJob, epochs: ToldEpochs) {
  if (!job.checkpoint) return undefined;
  const { key, ...often } = job.checkpoint;
  return new Checkpoints(artifacts, key, {
    ...often,
    identity: identityOf(job),
    optional: job.keepModel === undefined,
    whenStopped: job.keepModel !== undefined,
    beside: { schema: epochReports, keep: () => epochs.keep(), giveBack: (kept) => epochs.giveBack(kept) },
  });
}

interface Telling {
  report: (message: FinalMessage) => void;
  epochs: ToldEpochs;
  checkpoints: Checkpoints<EpochReport[]> | undefined;
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
  const last = await trainNetwork(network, trainingBatches(images, recipe, seed), recipe, {
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
async function testAndKeep(
  { artifacts }: Place,
  { network }: Child,
  { architecture, training }: TrainingJob,
  { computing, dataset, whitening }: Images,
  weights: ArtifactKey,
): Promise<Accuracy> {
  const { recipe } = training;
  const view = testViewOf(recipe, whitening);
  const batches = new EvaluationBatches({ from: dataset.test, view, batchSize: evaluationBatchOn(computing.device) });
  const accuracy = evaluateNetwork(network, batches, dataset.classes.length);
  const description = {
    architecture,
    network: networkOf(training),
    classes: dataset.classes,
    preprocessing: trainedPreprocessing(view),
    trainedEnlarge: recipe.enlarge,
    origin: `trained by nasnet ${nasnetVersion()} on ${dataset.name}`,
  };
  await artifacts.put(weights, (path) => writeModel(path, network, description));
  return accuracy;
}

interface Begun {
  child: Child;
  continued: boolean;
  notes: string[];
}

/** The network as its last training is to find it: fresh, from the file where it waits, or from its earlier trainings done again. */
async function begin(
  { imagesFor, artifacts }: Place,
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
      const path = await artifacts.get(paused.from);
      if (path === undefined) throw new InputError(`${paused.from}: expected a file, got no such file`);
      loadTraining(path, child, { identity: identityOf(last) });
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
      const batches = trainingBatches(await imagesFor(step.training), step.training.recipe, step.seed);
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

/** Leaves the network where it waits. Returns what went wrong: a full disk costs the weights and not the search. */
async function pause({ artifacts }: Place, child: Child, key: ArtifactKey, identity: string): Promise<string[]> {
  const saved = { identity, step: child.optimizer.stepsTaken };
  try {
    await artifacts.put(key, (path) => saveTraining(path, child, saved));
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

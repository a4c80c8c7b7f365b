// The training job of a worker: it builds a network, trains it and evaluates it. A search's children and the final
// network are both trained by it. Jobs and their setup refer to datasets by content and to files by key, so that any
// machine can run them; resources map these to paths.

import { z } from 'zod';
import { type ArtifactFolders, type ArtifactKey, type Artifacts, FolderArtifacts } from '../artifacts.ts';
import { type DatasetFiles, type DatasetReference, datasetAmong } from '../data/dataset-files.ts';
import type { SplitOptions } from '../data/split.ts';
import type { Whitening } from '../data/whitening.ts';
import { type Computing, onCpu, prepareDevice } from '../engine/device.ts';
import { setThreads } from '../engine/machine.ts';
import { Failure, InputError } from '../failure.ts';
import { writeModel } from '../model/model-file.ts';
import { takeWeights } from '../model/take-weights.ts';
import { numbersOfFirst, type Replicas, sumOverOn } from '../replicas/replicas.ts';
import type { Architecture } from '../space/architecture.ts';
import { StoredArtifacts, type StoredPlace } from '../store/stored-artifacts.ts';
import type { EpochReport, HeldOutEpoch, TrainingDetails, WorkerResult } from '../study/outcome.ts';
import { epochDetails, epochReport } from '../study/result-schemas.ts';
import type { Training } from '../study/settings.ts';
import { networkOf } from '../study/training-plan.ts';
import { BestWeights } from '../train/best-epoch.ts';
import { Checkpoints, loadTraining, saveTraining } from '../train/checkpoint.ts';
import type { Accuracy } from '../train/evaluation.ts';
import { type EpochFigures, type TrainingOptions, trainNetwork } from '../train/training.ts';
import { nasnetVersion } from '../version.ts';
import type { EvaluateJob } from '../workers/messages.ts';
import { Child } from './child-network.ts';
import { onDevice } from './device-failure.ts';
import { type JobImages, openPreparedImages, type ShownImages } from './job-images.ts';
import { openStreamedImages, type StreamPlace } from './streamed-images.ts';
import { peakMemory, resetPeakMemory } from './worker-memory.ts';

/** The part that all jobs of a pool share: the dataset and its split. */
export interface TrainingSetup {
  dataset: DatasetReference;
  /** The images that most jobs use. Images of other jobs are opened when such a job comes. */
  training: ImageChoice;
  validationImages?: number | undefined;
  splitSeed: number | string;
}

/** The resources of a machine for these jobs. Plain data with paths, which never leaves the machine. */
export interface TrainingResources {
  datasets: readonly DatasetFiles[];
  /** Sources whose pictures are streamed. Default: none. */
  streams?: readonly StreamPlace[];
  /** Folders of artifacts, or a store of several machines. Default: none, for jobs without artifacts. */
  artifacts?: ArtifactFolders | StoredPlace;
  /**
   * Whether a training that is stopped saves a checkpoint, so that it continues elsewhere. Default: only a final one.
   */
  saveWhenStopped?: boolean;
  /** Threads of one worker process. */
  threads: number;
  /** Default: float32 on the CPU. */
  computing?: Computing;
}

type ImageChoice = Pick<Training, 'resolution'> & { trainingImages?: Training['trainingImages'] | undefined };

/**
 * A training and the seed of its image order, augmentation and drop-path. The first training's seed also initialises
 * the weights.
 */
export interface SeededTraining {
  training: Training;
  seed: number | string;
}

export interface TrainingJob extends SeededTraining {
  architecture: Architecture;
  /** Earlier trainings of the same weights and momentum. */
  earlier?: SeededTraining[];
  /**
   * `from` has the network after the earlier trainings, which are repeated if it is missing; `to` stores it after this
   * one.
   */
  paused?: { from?: ArtifactKey; to?: ArtifactKey };
  /** The weights with which the network begins. Default: random ones. */
  initial?: InitialWeights;
  /**
   * The checkpoint from which an interrupted training resumes. It is written every `seconds`, 30 by default; the latest
   * `keep` stay, 1 by default. `images` identifies the images and their split where the key does not, as that of a
   * study does.
   */
  checkpoint?: { key: ArtifactKey; seconds?: number; keep?: number; images?: string };
  /**
   * When the training should end, in milliseconds since 1970 by this machine's clock: its end is moved
   * (train/training-length.ts). The test comes after it.
   */
  deadline?: number;
  /** Also evaluate on the test images and store models here. The caller then removes the checkpoint. */
  keepModel?: KeptModels;
}

/** A model file whose network another training continues. */
export interface InitialWeights {
  weights: ArtifactKey;
  /** SHA-256 of the weights, by which a checkpoint knows them. */
  content: string;
  /** Whether the head is used too; else it is new, for other classes. */
  head: boolean;
  /** How their images were normalised, and those of this training are. */
  whitening: Whitening;
}

export interface KeptModels {
  /** The network that is handed over: that of the last epoch, or with patience that of the best one. */
  weights: ArtifactKey;
  /** The network of the best epoch so far, written as it is reached; with patience removed in the end. */
  best?: ArtifactKey;
  /** With patience: the network of the last epoch. */
  last?: ArtifactKey;
}

/** Figures of an epoch of nasnet's own training, in addition to loss and accuracy. */
export interface EpochDetails {
  trainingAccuracy: number;
  learningRate: number;
  /** Share of the time in which the training waited for streamed images. */
  waitingShare?: number;
  /** On the held-out images. */
  validationLoss?: number;
  balancedAccuracy?: number;
  /** Side in pixels of the held-out images, where training images were smaller at the end of the epoch. */
  validationSide?: number;
  /**
   * Accuracy of the last weights on the held-out images if the training returns averaged weights; only in the last
   * epoch.
   */
  unaveragedAccuracy?: number;
}

/** A message of a job with `keepModel`; other jobs only report epochs. A remark names a picture that cannot be read. */
export type FinalMessage = EpochReport | { progress: number } | { remark: string };

/** Starts a worker process's evaluator (workers/messages.ts). */
export async function start(setup: unknown, resources: unknown): Promise<EvaluateJob> {
  return trainer(setup as TrainingSetup, resources as TrainingResources);
}

/** How this process trains together with others. */
export interface ReplicaSettings {
  replicas: Replicas;
  /** Whether norms use the images of all replicas. */
  synchronisesNorms: boolean;
}

/**
 * Returns a function that runs jobs in this process. Of replicas, only the first one validates, tests and writes; the
 * others return nothing.
 * @throws Failure if this machine does not have the dataset
 */
export async function trainer(
  setup: TrainingSetup,
  resources: TrainingResources,
  together?: ReplicaSettings,
): Promise<EvaluateJob> {
  const { dataset, training, validationImages, splitSeed } = setup;
  const { datasets, streams = [], artifacts = {}, threads, computing = onCpu, saveWhenStopped = false } = resources;
  setThreads(threads);
  prepareDevice(computing.device);
  const stream = streams.find(({ content }) => content === dataset.content);
  const files = stream ? undefined : datasetAmong(datasets, dataset);
  const opened = new Map<string, Promise<JobImages>>();
  const imagesFor = ({ resolution, trainingImages }: ImageChoice): Promise<JobImages> => {
    const key = `${resolution} ${trainingImages}`;
    const known = opened.get(key);
    if (known) return known;
    const options: SplitOptions & { resolution: number } = {
      resolution,
      ...(validationImages !== undefined && { validation: validationImages }),
      ...(trainingImages !== undefined && { training: trainingImages }),
      seed: splitSeed,
    };
    const images = stream
      ? openStreamedImages(stream, options, { computing, threads })
      : openPreparedImages(files!, options, computing);
    opened.set(key, images);
    images.catch(() => opened.delete(key));
    return images;
  };
  await imagesFor(training);
  const context: JobContext = { imagesFor, artifacts: await openArtifacts(artifacts), saveWhenStopped, together };
  return async (message, report, signal) => {
    const job = message as TrainingJob;
    const leads = !together || together.replicas.rank === 0;
    const train = (): Promise<WorkerResult | undefined> =>
      leads ? run(context, job, report as (message: FinalMessage) => void, signal) : follow(context, job, signal);
    return onDevice(computing.device, job.training.recipe, train);
  };
}

/** The images and artifacts of the process that runs a job. */
interface JobContext {
  imagesFor: (choice: ImageChoice) => Promise<JobImages>;
  artifacts: Artifacts;
  saveWhenStopped: boolean;
  together: ReplicaSettings | undefined;
}

const isStored = (place: ArtifactFolders | StoredPlace): place is StoredPlace => typeof place.store === 'object';

async function openArtifacts(place: ArtifactFolders | StoredPlace): Promise<Artifacts> {
  return isStored(place) ? StoredArtifacts.open(place) : new FolderArtifacts(place);
}

async function run(
  context: JobContext,
  job: TrainingJob,
  report: (message: FinalMessage) => void,
  signal: AbortSignal,
): Promise<WorkerResult> {
  resetPeakMemory();
  const images = await context.imagesFor(job.training);
  const prepared = await prepare(context, job, signal);
  using child = prepared.child;
  const started = performance.now();
  const epochs = new EpochLog(report);
  const onRemark = (remark: string) => job.keepModel && report({ remark });
  const checkpoints = checkpointsOf(context, job, images, { epochs, onRemark });
  const shown = images.shownFor(job.training.recipe, {
    whitening: job.initial?.whitening,
    asInTest: job.keepModel !== undefined,
    onUnreadable: onRemark,
    signal,
    plan: child.plan,
    decoder: await commonDecoder(images, context, await checkpoints?.storedDecoder()),
  });
  const keeper = job.keepModel && keeperOf(context, child, job, { images, shown }, job.keepModel);
  using best = job.keepModel || job.training.recipe.patience ? new BestWeights(child.network.stateDict()) : undefined;
  const ended = await trainLast(context, child, job, shown, { report, epochs, checkpoints, signal, best, keeper });
  const heldOut = heldOutEpochs(epochs.all(), best?.epochs.state?.epoch);
  const handsOverBest = job.training.recipe.patience !== undefined && heldOut?.best !== undefined;
  const result = handsOverBest ? heldOut.best : ended.validation!;
  const details: TrainingDetails = {
    trainableParameters: child.plan.trainableParameters,
    multiplyAdds: child.plan.multiplyAdds,
    loss: result.loss,
    trainingSeconds: checkpoints?.trainedSeconds ?? (performance.now() - started) / 1000,
    peakMemory: peakMemory(),
    ...(job.earlier && { continued: prepared.continued }),
    ...(epochs.resumed && { resumed: true }),
    ...(ended.scheduledEpochs !== undefined && { scheduledEpochs: ended.scheduledEpochs }),
  };
  const notes = [
    ...prepared.notes,
    ...(checkpoints?.problem ? [`no checkpoint was saved: ${checkpoints.problem}`] : []),
    ...(job.paused?.to ? await pause(context, child, job.paused.to, identityOf(job)) : []),
  ];
  if (notes.length > 0) details.notes = notes;
  if (handsOverBest) {
    await keeper?.writeLast();
    best!.swap();
  }
  if (keeper) {
    details.test = await keeper.testAndWrite();
    Object.assign(details, heldOut && { ...heldOut, handedOver: handsOverBest ? 'best' : 'last' });
    if (handsOverBest) await keeper.removeBest();
  } else await checkpoints?.remove();
  return { reward: result.accuracy, details };
}

/** Trains as a replica that is not the first one. */
async function follow(context: JobContext, job: TrainingJob, signal: AbortSignal): Promise<undefined> {
  const images = await context.imagesFor(job.training);
  const prepared = await prepare(context, job, signal);
  using child = prepared.child;
  const { recipe } = job.training;
  const shown = images.shownFor(recipe, {
    whitening: job.initial?.whitening,
    signal,
    plan: child.plan,
    decoder: await commonDecoder(images, context),
  });
  await trainShown(context, child, job, shown, { signal });
}

/** Runs a training on the batches of this process. */
async function trainShown(
  { together }: JobContext,
  { network, optimizer }: Child,
  { training, seed }: TrainingJob,
  shown: ShownImages,
  options: Omit<TrainingOptions, 'seed' | 'checkpoints'> & { checkpoints?: Checkpoints<EpochReport[]> },
): Promise<EpochFigures> {
  const { replicas, synchronisesNorms } = together ?? {};
  const { checkpoints } = options;
  const part = replicas && { index: replicas.rank, count: replicas.count };
  await using batches = shown.batches(seed, { part });
  if (checkpoints) checkpoints.decoder = batches.decoder;
  return await trainNetwork(network, batches, training.recipe, {
    ...{ seed, optimizer, replicas, synchronisesNorms },
    ...options,
  });
}

/** Returns the decoder of all replicas: the stored one, or that of the first one's machine. */
async function commonDecoder({ decoders }: JobImages, { together }: JobContext, stored?: string) {
  if (!together || !decoders) return stored;
  const own = stored ?? decoders.fastest;
  const [place] = numbersOfFirst(together.replicas, [decoders.names.indexOf(own)]);
  return decoders.names[place!];
}

/** Returns the figures of the best and the last epoch; undefined where epochs were not validated. */
function heldOutEpochs(
  epochs: readonly EpochReport[],
  best: number | undefined,
): { best: HeldOutEpoch; last: HeldOutEpoch } | undefined {
  const heldOut = epochs.flatMap(({ epoch, accuracy, details }): HeldOutEpoch[] => {
    const { balancedAccuracy, validationLoss: loss } = epochDetails(details);
    if (accuracy === undefined || balancedAccuracy === undefined || loss === undefined) return [];
    return [{ epoch, accuracy, balancedAccuracy, loss }];
  });
  const [bestOne, last] = [heldOut.find(({ epoch }) => epoch === best), heldOut.at(-1)];
  return bestOne && last ? { best: bestOne, last } : undefined;
}

/**
 * The epochs that a training reports. A resumed training reports the epochs before its checkpoint again, so that every
 * attempt reports all its epochs.
 */
class EpochLog {
  readonly #report: (epoch: EpochReport) => void;
  readonly #epochs: EpochReport[] = [];
  /** Whether the training resumed from a checkpoint. */
  resumed = false;

  constructor(report: (epoch: EpochReport) => void) {
    this.#report = report;
  }

  add(epoch: EpochReport): void {
    this.#epochs.push(epoch);
    this.#report(epoch);
  }

  all(): EpochReport[] {
    return this.#epochs;
  }

  restore(epochs: EpochReport[]): void {
    this.resumed = true;
    for (const epoch of epochs) this.add(epoch);
  }
}

const epochReports = z.array(epochReport);

function checkpointsOf(
  { artifacts, saveWhenStopped }: JobContext,
  job: TrainingJob,
  { content, computing }: JobImages,
  { epochs, onRemark }: { epochs: EpochLog; onRemark: (sentence: string) => void },
) {
  if (!job.checkpoint) return undefined;
  const { key, images, ...often } = job.checkpoint;
  const older = content === undefined ? identityOf(job) : JSON.stringify({ job: identityOf(job), content });
  return new Checkpoints(artifacts, key, {
    ...often,
    identity: images === undefined ? older : JSON.stringify({ job: identityOf(job), content, images }),
    older,
    onRemark,
    precision: computing.precision,
    optional: job.keepModel === undefined,
    whenStopped: saveWhenStopped || job.keepModel !== undefined,
    whenTrained: job.keepModel !== undefined,
    extra: { schema: epochReports, save: () => epochs.all(), restore: (stored) => epochs.restore(stored) },
  });
}

interface TrainingHooks {
  report: (message: FinalMessage) => void;
  epochs: EpochLog;
  checkpoints: Checkpoints<EpochReport[]> | undefined;
  signal: AbortSignal;
  best: BestWeights | undefined;
  keeper: Keeper | undefined;
}

/** Runs the job's last training and returns the figures of its last epoch, which is validated. */
async function trainLast(
  context: JobContext,
  child: Child,
  job: TrainingJob,
  shown: ShownImages,
  { report, epochs, checkpoints, signal, best, keeper }: TrainingHooks,
): Promise<EpochFigures> {
  const keeps = job.keepModel !== undefined;
  return await trainShown(context, child, job, shown, {
    signal,
    seconds: job.deadline === undefined ? undefined : Math.max(0, job.deadline - Date.now()) / 1000,
    validate: (side) => shown.validate(child.network, side),
    validateEveryEpoch: keeps,
    ...(checkpoints && { checkpoints }),
    ...(best && { best }),
    ...(keeper && { onBest: () => keeper.writeBest() }),
    ...(keeps && { onProgress: (progress) => report({ progress }) }),
    onEpoch: (figures) => epochs.add(epochReportOf(figures)),
  });
}

function epochReportOf(figures: EpochFigures): EpochReport {
  const { epoch, loss, imagesPerSecond, validation: seen, unaveraged, trainingAccuracy, learningRate } = figures;
  const { waitingShare, validationSide } = figures;
  const details: EpochDetails = {
    trainingAccuracy,
    learningRate,
    ...(waitingShare !== undefined && { waitingShare }),
    ...(seen && { validationLoss: seen.loss, balancedAccuracy: seen.balancedAccuracy }),
    ...(validationSide !== undefined && { validationSide }),
    ...(unaveraged && { unaveragedAccuracy: unaveraged.accuracy }),
  };
  return { epoch, loss, imagesPerSecond, ...(seen && { accuracy: seen.accuracy }), details };
}

/** Writes the network of a training as it is now to its model files. */
interface Keeper {
  /** Also evaluates it on the test images, preprocessed as in the model file. */
  testAndWrite(): Promise<Accuracy>;
  writeBest(): Promise<void>;
  writeLast(): Promise<void>;
  removeBest(): Promise<void>;
}

function keeperOf(
  { artifacts }: JobContext,
  { network }: Child,
  { architecture, training }: TrainingJob,
  { images, shown }: { images: JobImages; shown: ShownImages },
  { weights, best, last }: KeptModels,
): Keeper {
  const description = {
    architecture,
    network: networkOf(training),
    classes: images.classes,
    preprocessing: shown.preprocessing,
    trainedEnlarge: training.recipe.enlarge,
    origin: `trained by nasnet ${nasnetVersion()} on ${images.name}`,
  };
  const write = async (key: ArtifactKey | undefined) => {
    if (key !== undefined) await artifacts.put(key, (path) => writeModel(path, network, description));
  };
  return {
    async testAndWrite() {
      const accuracy = await shown.test(network);
      await write(weights);
      return accuracy;
    },
    writeBest: () => write(best),
    writeLast: () => write(last),
    async removeBest() {
      if (best !== undefined) await artifacts.remove(best);
    },
  };
}

interface PreparedChild {
  child: Child;
  continued: boolean;
  notes: string[];
}

/**
 * Prepares the network for the job's last training: new, from the paused child's file, or by repeating the earlier
 * trainings.
 */
async function prepare(
  { imagesFor, artifacts, together }: JobContext,
  { architecture, training, seed, earlier = [], paused, initial }: TrainingJob,
  signal: AbortSignal,
): Promise<PreparedChild> {
  const { computing, classes } = await imagesFor(training);
  const sumOver = together?.synchronisesNorms ? sumOverOn(together.replicas, computing.device) : undefined;
  const notes: string[] = [];
  const trainings = [...earlier, { training, seed }];
  const childOf = (step: SeededTraining) =>
    new Child(architecture, step.training, { classes: classes.length, seed: trainings[0]!.seed, computing, sumOver });
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
      notes.push(`its saved weights cannot be used, so its earlier trainings were repeated: ${error.message}`);
    }
  }
  let child = childOf(trainings[0]!);
  try {
    if (initial) {
      const path = await artifacts.get(initial.weights);
      if (path === undefined) throw new InputError(`${initial.weights}: expected a file, got no such file`);
      takeWeights(child.network, path, initial);
    }
    for (const [index, step] of earlier.entries()) {
      const { network, optimizer } = child;
      const shown = (await imagesFor(step.training)).shownFor(step.training.recipe);
      await using batches = shown.batches(step.seed);
      await trainNetwork(network, batches, step.training.recipe, { seed: step.seed, signal, optimizer });
      using previous = child;
      child = childOf(trainings[index + 1]!);
      child.copyFrom(previous);
    }
    return { child, continued: false, notes };
  } catch (error) {
    child[Symbol.dispose]();
    throw error;
  }
}

/** Stores a paused child. Returns the problems, since a full disk must only cost the weights and not the search. */
async function pause({ artifacts }: JobContext, child: Child, key: ArtifactKey, identity: string): Promise<string[]> {
  const checkpoint = { identity, step: child.optimizer.stepsTaken };
  try {
    await artifacts.put(key, (path) => saveTraining(path, child, checkpoint));
    return [];
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return [`its weights are not saved, so if it is promoted its earlier trainings will be repeated: ${error.message}`];
  }
}

/** Whether a checkpoint with this identity is of a job with these images, whatever pictures it streams. */
export function isCheckpointOf(job: TrainingJob, own: string | undefined, identity: string): boolean {
  if (identity === identityOf(job)) return true;
  try {
    const { job: stored, images = own } = JSON.parse(identity) as { job?: unknown; images?: unknown };
    return stored === identityOf(job) && images === own;
  } catch {
    return false;
  }
}

/**
 * Returns the identity of a paused network: its architecture and trainings, as the version that started them stored it.
 */
function identityOf({ architecture, training, seed, earlier = [], initial }: TrainingJob): string {
  const trainings = [...earlier, { training, seed }];
  return JSON.stringify({
    architecture,
    trainings: trainings.map((step) => ({ training: asStored(step.training), seed: step.seed })),
    ...(initial && { initial }),
  });
}

/** Returns a training without the fields that older versions did not have (settings.ts). */
function asStored(training: Training): object {
  const { matchTestView, ...recipe } = training.recipe;
  return matchTestView ? training : { ...training, recipe };
}

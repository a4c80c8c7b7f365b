// Checkpoints of a training: weights, moving statistics and optimizer state in one safetensors file, which is replaced
// atomically.

import { z } from 'zod';
import type { ArtifactKey, Artifacts } from '../artifacts.ts';
import { checked, parsedJson, refusal } from '../checked.ts';
import { type Precision, precisions } from '../engine/device.ts';
import { scope } from '../engine/memory.ts';
import type { Tensor } from '../engine/tensor.ts';
import { Failure, InputError } from '../failure.ts';
import type { Module } from '../nn/module.ts';
import type { Optimizer } from '../nn/optimizers.ts';
import { readSafetensors, readSafetensorsMetadata, writeSafetensors } from '../nn/safetensors.ts';
import type { WeightAverage } from '../nn/weight-average.ts';
import { whole } from '../words.ts';
import { BestEpoch, type BestEpochState, type BestWeights } from './best-epoch.ts';
import type { StepSumsRead } from './step.ts';
import type { Trainable } from './trainable.ts';
import { movedEnd, type TrainingLength } from './training-length.ts';

const networkPrefix = 'network.';
const optimizerPrefix = 'optimizer.';
const averagePrefix = 'average.';
const bestPrefix = 'best.';
const extraName = 'beside'; // in the metadata

/** A network in training: a classifier, or for its checkpoints any other module. */
export interface InTraining<Network extends Module = Trainable> {
  network: Network;
  optimizer: Optimizer;
  average?: WeightAverage | undefined;
  best?: BestWeights | undefined;
  length?: TrainingLength;
}

/** Sums over the steps since the start of the epoch. */
export interface MeterState extends StepSumsRead {
  steps: number;
  images: number;
  /** Duration of these steps. */
  milliseconds: number;
  /** Part of it in which the training waited for images; absent where they are in memory. */
  waiting?: number | undefined;
}

export interface SavedTraining {
  /** Identity of the training: architecture, recipe, data and seed. */
  identity: string;
  /** Steps taken. */
  step: number;
  /** Absent in the files of paused children, which are between two trainings. */
  meter?: MeterState | undefined;
  /** Further state of the training, as JSON. */
  extra?: unknown;
  /** The decoder of streamed pictures: another one shows other pixels. */
  decoder?: string | undefined;
  /** The precision of the training. Older files lack it. */
  precision?: Precision | undefined;
  /** Duration of the training so far, without the pauses between its sessions. Older files lack it. */
  trainedSeconds?: number | undefined;
}

/** Writes a training to a file. @throws Failure if the file cannot be written */
export function saveTraining(
  path: string,
  { network, optimizer, average, best, length }: InTraining<Module>,
  { identity, step, meter, extra, decoder, precision, trainedSeconds }: SavedTraining,
) {
  const bestEpoch = best?.epochs.state;
  const tensors = {
    ...prefixed(networkPrefix, network.stateDict()),
    ...prefixed(optimizerPrefix, optimizer.state()),
    ...(average && prefixed(averagePrefix, average.state())),
    ...(bestEpoch && prefixed(bestPrefix, best.state())),
  };
  writeSafetensors(path, tensors, {
    step: String(step),
    optimizerSteps: String(optimizer.stepsTaken), // more than `step` if other trainings came before
    identity,
    ...(meter && { meter: JSON.stringify(meter) }),
    ...(decoder !== undefined && { decoder }),
    ...(precision !== undefined && { precision }),
    ...(trainedSeconds !== undefined && { trainedSeconds: String(trainedSeconds) }),
    ...(bestEpoch && { best: JSON.stringify(bestEpoch) }),
    ...(length?.moved && { end: JSON.stringify(length.moved) }),
    ...(extra !== undefined && { [extraName]: JSON.stringify(extra) }),
  });
}

/** The training that a file must contain. */
export interface ExpectedTraining<Extra = unknown> {
  identity: string;
  /** Schema of the further state; absent: it is not read. */
  extra?: z.ZodType<Extra>;
}

/**
 * Copies a saved training into a network and its optimizer, completely or not at all.
 * @throws InputError if the file is missing, damaged or of another training
 */
export function loadTraining<Extra>(
  path: string,
  { network, optimizer, average, best, length }: InTraining<Module>,
  { identity, extra: schema }: ExpectedTraining<Extra>,
): Pick<SavedTraining, 'step' | 'meter' | 'trainedSeconds'> & { extra?: Extra } {
  return scope(() => {
    const { tensors, metadata } = readSafetensors(path);
    if (metadata.identity !== identity) throw new InputError(`${path}: expected this training, got another one's`);
    const step = countOf(metadata.step, path, 'step');
    // older files lack optimizerSteps
    const optimizerSteps = countOf(metadata.optimizerSteps ?? metadata.step, path, 'optimizerSteps');
    const trainedSeconds = numberOf(metadata.trainedSeconds ?? '0', path, 'trainedSeconds');
    const meter = metadata.meter === undefined ? undefined : meterOf(metadata.meter, path);
    const text = metadata[extraName];
    const extra =
      text === undefined || !schema ? undefined : checked(schema, parsedJson(text, path, extraName), path, extraName);
    const moved = unprefixed(optimizerPrefix, tensors);
    optimizer.check(moved); // before the weights are copied, so that an error leaves both unchanged
    const averaged = unprefixed(averagePrefix, tensors);
    average?.check(averaged);
    const bestEpoch = metadata.best === undefined || !best ? undefined : bestOf(metadata.best, path);
    const end = metadata.end === undefined ? undefined : endOf(metadata.end, path);
    const bestWeights = unprefixed(bestPrefix, tensors);
    if (bestEpoch) best!.check(bestWeights);
    network.loadStateDict(unprefixed(networkPrefix, tensors));
    optimizer.load(moved, optimizerSteps);
    average?.load(averaged);
    if (bestEpoch) {
      best!.load(bestWeights);
      best!.epochs = new BestEpoch(bestEpoch);
    }
    if (length) length.moved = end;
    return { step, trainedSeconds, ...(meter && { meter }), ...(extra !== undefined && { extra }) };
  });
}

function countOf(text: string | undefined, path: string, name: string): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count >= 0) return count;
  throw refusal(path, name, 'a whole number', text);
}

function numberOf(text: string, path: string, name: string): number {
  const number = Number(text);
  if (Number.isFinite(number) && number >= 0) return number;
  throw refusal(path, name, 'a number from 0 on', text);
}

const amount = z.number().nonnegative();
const meterState: z.ZodType<MeterState> = z.object({
  steps: z.int().nonnegative(),
  images: z.int().nonnegative(),
  milliseconds: amount,
  waiting: amount.optional(), // absent where images are in memory
  loss: z.number(),
  correct: amount,
  finite: amount,
} satisfies Record<keyof MeterState, z.ZodType>);

const meterOf = (text: string, path: string): MeterState =>
  checked(meterState, parsedJson(text, path, 'meter'), path, 'meter');

const bestEpochState: z.ZodType<BestEpochState> = z.object({
  epoch: amount,
  accuracy: amount,
  loss: z.number(),
  reachedIn: amount,
} satisfies Record<keyof BestEpochState, z.ZodType>);

const endOf = (text: string, path: string) => checked(movedEnd, parsedJson(text, path, 'end'), path, 'end');

const bestOf = (text: string, path: string): BestEpochState =>
  checked(bestEpochState, parsedJson(text, path, 'best'), path, 'best');

export interface CheckpointOptions<Extra = unknown> {
  /** As in `SavedTraining`. */
  identity: string;
  /** Its form in earlier versions, whose checkpoints are used, too. Default: none. */
  older?: string;
  /** Called with a sentence when the training resumes, and when a checkpoint cannot be used. */
  onRemark?: (sentence: string) => void;
  /** Minimum number of seconds between two checkpoints. */
  seconds?: number;
  precision?: Precision;
  /** Further state: `save` returns it for a checkpoint, `restore` receives it when the training resumes. */
  extra?: { schema: z.ZodType<Extra>; save: () => Extra; restore: (saved: Extra) => void };
  /**
   * Whether the training continues if a checkpoint cannot be written; `problem` then has the reason. Default: it ends
   * with the Failure.
   */
  optional?: boolean;
  /** Whether a training that is stopped saves a last checkpoint, so that no step is repeated. Default: no. */
  whenStopped?: boolean;
  /** Whether one is saved after the last step, for the validation and the test that follow. Default: no. */
  whenTrained?: boolean;
  /** The number of latest checkpoints that stay: an older one is used if the latest is damaged. Default: 1. */
  keep?: number;
}

/** When a checkpoint is offered: after a step, as the training is stopped, or after the last step. */
export type SavingMoment = 'step' | 'stopped' | 'trained';

/** The key of a checkpoint: `keep` of them take turns. */
const keyOfSlot = (key: ArtifactKey, slot: number): ArtifactKey => (slot === 0 ? key : `${key}.${slot}`);

/** Returns the slots that hold a checkpoint, with their files. */
async function filledSlots(artifacts: Artifacts, key: ArtifactKey): Promise<{ slot: number; path: string }[]> {
  const filled: { slot: number; path: string }[] = [];
  for (let slot = 0; ; slot++) {
    const path = await artifacts.get(keyOfSlot(key, slot));
    if (path === undefined) return filled;
    filled.push({ slot, path });
  }
}

/** Removes the checkpoints of a training. */
export async function removeCheckpoints(artifacts: Artifacts, key: ArtifactKey): Promise<void> {
  for (const { slot } of (await filledSlots(artifacts, key)).reverse()) await artifacts.remove(keyOfSlot(key, slot));
}

/** The checkpoints of one training, which resumes from the latest one. */
export class Checkpoints<Extra = unknown> {
  readonly #artifacts: Artifacts;
  readonly #key: ArtifactKey;
  readonly #options: CheckpointOptions<Extra>;
  readonly #began = performance.now();
  #secondsBefore = 0;
  #savedAt = this.#began;
  #nextSlot = 0;
  /** Why the latest checkpoint could not be written. */
  problem: string | undefined;
  /** The decoder of streamed pictures, for the checkpoints to come. */
  decoder: string | undefined;

  constructor(artifacts: Artifacts, key: ArtifactKey, options: CheckpointOptions<Extra>) {
    this.#artifacts = artifacts;
    this.#key = key;
    this.#options = options;
  }

  /** Duration of the training in this session and those before it, which checkpoints keep. */
  get trainedSeconds(): number {
    return this.#secondsBefore + (performance.now() - this.#began) / 1000;
  }

  /** Whether the last checkpoint is so old that `offer` saves one. */
  isDue(): boolean {
    const { seconds = 30 } = this.#options;
    return performance.now() - this.#savedAt >= 1000 * seconds;
  }

  /**
   * Saves a checkpoint if the last one is old enough, or at a moment for which the options ask for one. `meter` is
   * called only then.
   */
  async offer(
    step: number,
    training: InTraining<Module>,
    meter: () => MeterState,
    moment: SavingMoment = 'step',
  ): Promise<void> {
    const { optional = moment === 'trained', whenStopped, whenTrained } = this.#options;
    const isWanted = { step: this.isDue(), stopped: whenStopped, trained: whenTrained };
    if (!isWanted[moment]) return;
    try {
      await this.#save(step, training, meter());
      this.problem = undefined;
    } catch (error) {
      if (!optional || !(error instanceof Failure)) throw error;
      this.problem = error.message;
    }
    this.#savedAt = performance.now();
  }

  async #save(step: number, training: InTraining<Module>, meter: MeterState): Promise<void> {
    const { identity, extra, precision, keep = 1 } = this.#options;
    const { decoder, trainedSeconds } = this;
    const saved = { identity, step, meter, extra: extra?.save(), decoder, precision, trainedSeconds };
    const key = keyOfSlot(this.#key, this.#nextSlot);
    await this.#artifacts.put(key, (path) => saveTraining(path, training, saved));
    this.#nextSlot = (this.#nextSlot + 1) % keep;
  }

  /**
   * Loads the latest checkpoint that is whole. Returns undefined if there is none, or if all are damaged or of another
   * training.
   */
  async restore(training: InTraining<Module>): Promise<Pick<SavedTraining, 'step' | 'meter'> | undefined> {
    for (const { slot, path, metadata } of await latestFirst(this.#artifacts, this.#key)) {
      const saved = this.#load(path, metadata, training);
      if (!saved) continue;
      this.#nextSlot = (slot + 1) % (this.#options.keep ?? 1);
      return saved;
    }
    return undefined;
  }

  /** Returns the decoder with which this training began; undefined if it begins, or streams no pictures. */
  async storedDecoder(): Promise<string | undefined> {
    const own = (await latestFirst(this.#artifacts, this.#key)).find(
      ({ metadata }) => metadata.identity === this.#identityIn(metadata),
    );
    return own?.metadata.decoder;
  }

  /** Returns the identity that a checkpoint with this metadata should have. */
  #identityIn({ identity }: Metadata): string {
    const { older, identity: own } = this.#options;
    return older !== undefined && identity === older ? older : own;
  }

  #load(
    path: string,
    metadata: Metadata,
    training: InTraining<Module>,
  ): Pick<SavedTraining, 'step' | 'meter'> | undefined {
    const { extra: options, onRemark } = this.#options;
    try {
      const expected = { identity: this.#identityIn(metadata), ...(options && { extra: options.schema }) };
      const { extra, trainedSeconds = 0, ...saved } = loadTraining(path, training, expected);
      this.#secondsBefore = trainedSeconds;
      onRemark?.(`Resuming from ${path} after step ${whole(saved.step)}`);
      if (extra !== undefined) options?.restore(extra);
      return saved;
    } catch (error) {
      if (!(error instanceof InputError)) throw error; // a damaged checkpoint only costs time
      onRemark?.(`The checkpoint is not used: ${error.message}`);
      return undefined;
    }
  }

  /** Removes the checkpoints of a finished training. */
  remove(): Promise<void> {
    return removeCheckpoints(this.#artifacts, this.#key);
  }
}

/** The checkpoints with their metadata, the latest first. */
async function latestFirst(artifacts: Artifacts, key: ArtifactKey) {
  const filled = await filledSlots(artifacts, key);
  const stepOf = ({ step = '-1' }: Metadata) => Number(step);
  return filled
    .map((each) => ({ ...each, metadata: metadataOf(each.path) }))
    .sort((one, other) => stepOf(other.metadata) - stepOf(one.metadata));
}

const precision = z.enum(precisions);

/**
 * Returns the precision of the training that left a checkpoint; undefined if there is none.
 * @param isOwn whether an identity is that of the training
 * @param older the precision of checkpoints which do not say it
 */
export async function storedPrecision(
  artifacts: Artifacts,
  key: ArtifactKey,
  { isOwn, older }: { isOwn: (identity: string) => boolean; older: Precision },
): Promise<Precision | undefined> {
  const own = (await latestFirst(artifacts, key)).find(({ metadata: { identity } }) => identity && isOwn(identity));
  return own && (precision.safeParse(own.metadata.precision).data ?? older);
}

/** Whether a file is a checkpoint. @param isOwn whether an identity is that of the training */
export function isCheckpoint(path: string, isOwn: (identity: string) => boolean): boolean {
  const { identity } = metadataOf(path);
  return identity !== undefined && isOwn(identity);
}

type Metadata = Readonly<Record<string, string | undefined>>;

/** Returns the metadata of a checkpoint; none if the file is damaged. */
function metadataOf(path: string): Metadata {
  try {
    return readSafetensorsMetadata(path);
  } catch (error) {
    if (error instanceof InputError) return {};
    throw error;
  }
}

type Tensors = Record<string, Tensor>;

const prefixed = (prefix: string, tensors: Tensors): Tensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [prefix + name, tensor]));

const unprefixed = (prefix: string, tensors: Tensors): Tensors =>
  Object.fromEntries(
    Object.entries(tensors)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, tensor]) => [name.slice(prefix.length), tensor]),
  );

// Where a training can go on later: weights, statistics and optimizer in one safetensors file, replaced whole.

import { existsSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { parsedJson, refusal } from '../checked.ts';
import { scope } from '../engine/memory.ts';
import type { Tensor } from '../engine/tensor.ts';
import { Failure, InputError } from '../failure.ts';
import type { Network } from '../model/network.ts';
import type { Optimizer } from '../nn/optimizers.ts';
import { readSafetensors, writeSafetensors } from '../nn/safetensors.ts';
import type { WeightAverage } from '../nn/weight-average.ts';
import { makeFolder } from '../whole-file.ts';

const networkPrefix = 'network.';
const optimizerPrefix = 'optimizer.';
const averagePrefix = 'average.';

/** A network in training. */
export interface InTraining {
  network: Network;
  optimizer: Optimizer;
  average?: WeightAverage | undefined;
}

export interface SavedTraining {
  /** What the file must belong to: the same architecture, recipe, data and seed. */
  identity: string;
  /** Steps taken. */
  step: number;
  /** What else is to be known when it goes on, as JSON. */
  beside?: unknown;
}

/** Writes a training to a file. @throws Failure when the disk is full or refuses */
export function saveTraining(
  path: string,
  { network, optimizer, average }: InTraining,
  { identity, step, beside }: SavedTraining,
) {
  const tensors = {
    ...prefixed(networkPrefix, network.stateDict()),
    ...prefixed(optimizerPrefix, optimizer.state()),
    ...(average && prefixed(averagePrefix, average.state())),
  };
  writeSafetensors(path, tensors, {
    step: String(step),
    optimizerSteps: String(optimizer.stepsTaken), // more than `step` where other trainings came before
    identity,
    ...(beside !== undefined && { beside: JSON.stringify(beside) }),
  });
}

/**
 * Copies a saved training into a network and its optimizer. @throws InputError for a file that is missing, damaged or another training's
 */
export function loadTraining(
  path: string,
  { network, optimizer, average }: InTraining,
  identity: string,
): Omit<SavedTraining, 'identity'> {
  return scope(() => {
    const { tensors, metadata } = readSafetensors(path);
    if (metadata.identity !== identity) throw new InputError(`${path}: expected this training, got another one's`);
    const step = Number(metadata.step);
    const beside = metadata.beside === undefined ? undefined : parsedJson(metadata.beside, path, 'beside');
    if (!Number.isSafeInteger(step) || step < 0) throw refusal(path, 'step', 'a whole number', metadata.step);
    network.loadStateDict(unprefixed(networkPrefix, tensors));
    average?.load(unprefixed(averagePrefix, tensors));
    optimizer.load(unprefixed(optimizerPrefix, tensors), Number(metadata.optimizerSteps ?? step)); // older files lack it
    return { step, ...(beside !== undefined && { beside }) };
  });
}

export interface CheckpointOptions {
  /** As SavedTraining's. */
  identity: string;
  /** Between two of them, at least. */
  seconds?: number;
  /** What is kept beside the weights, when asked; and who is given it when the training goes on. */
  beside?: { keep: () => unknown; giveBack: (kept: unknown) => void };
  /** Whether the training goes on where a checkpoint cannot be written: `problem` then says why not. Default: it ends with the Failure. */
  optional?: boolean;
}

/** The checkpoints of one training, which goes on from the last one after a kill. */
export class Checkpoints {
  readonly #path: string;
  readonly #options: CheckpointOptions;
  #savedAt = performance.now();
  /** Why the latest one could not be written. */
  problem: string | undefined;

  constructor(path: string, options: CheckpointOptions) {
    this.#path = path;
    this.#options = options;
  }

  /** Saves if the last time is long enough ago. */
  offer(step: number, training: InTraining): void {
    const { seconds = 30, optional } = this.#options;
    if (performance.now() - this.#savedAt < 1000 * seconds) return;
    try {
      this.#save(step, training);
      this.problem = undefined;
    } catch (error) {
      if (!optional || !(error instanceof Failure)) throw error;
      this.problem = error.message;
    }
    this.#savedAt = performance.now();
  }

  #save(step: number, training: InTraining): void {
    const { identity, beside } = this.#options;
    makeFolder(dirname(this.#path));
    saveTraining(this.#path, training, { identity, step, beside: beside?.keep() });
  }

  /** Loads what was saved and returns its step: 0 if there is nothing, or only what belongs to another training. */
  restore(training: InTraining): number {
    if (!existsSync(this.#path)) return 0;
    try {
      const { step, beside } = loadTraining(this.#path, training, this.#options.identity);
      if (beside !== undefined) this.#options.beside?.giveBack(beside);
      return step;
    } catch (error) {
      if (error instanceof InputError) return 0; // a damaged checkpoint costs its time, not the training
      throw error;
    }
  }

  /** The training is over: there is nothing to go on from. A file that cannot be removed stays and costs space only. */
  remove(): void {
    try {
      rmSync(this.#path, { force: true });
    } catch {}
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

// Where a training can go on later: weights, statistics and optimizer in one safetensors file, replaced whole.

import { existsSync } from 'node:fs';
import { scope } from '../engine/memory.ts';
import type { Tensor } from '../engine/tensor.ts';
import { InputError } from '../failure.ts';
import type { Network } from '../model/network.ts';
import type { Momentum } from '../nn/optimizers.ts';
import { readSafetensors, writeSafetensors } from '../nn/safetensors.ts';

const networkPrefix = 'network.';
const optimizerPrefix = 'optimizer.';

/** A network in training. */
export interface InTraining {
  network: Network;
  optimizer: Momentum;
}

export interface SavedTraining {
  /** What the file must belong to: the same architecture, recipe, data and seed. */
  identity: string;
  /** Steps taken. */
  step: number;
}

/** Writes a training to a file. @throws Failure when the disk is full or refuses */
export function saveTraining(path: string, { network, optimizer }: InTraining, { identity, step }: SavedTraining) {
  const tensors = {
    ...prefixed(networkPrefix, network.stateDict()),
    ...prefixed(optimizerPrefix, optimizer.state()),
  };
  writeSafetensors(path, tensors, { step: String(step), identity });
}

/**
 * Copies a saved training into a network and its optimizer and returns its step. @throws InputError for a file that is missing, damaged or
 * another training's
 */
export function loadTraining(path: string, { network, optimizer }: InTraining, identity: string): number {
  return scope(() => {
    const { tensors, metadata } = readSafetensors(path);
    if (metadata.identity !== identity) throw new InputError(`${path}: expected this training, got another one's`);
    const step = Number(metadata.step);
    network.loadStateDict(unprefixed(networkPrefix, tensors));
    optimizer.load(unprefixed(optimizerPrefix, tensors), step);
    return step;
  });
}

/** The checkpoints of one long training, which goes on from the last one after a kill. */
export class Checkpoints {
  readonly #path: string;
  readonly #identity: string;
  readonly #seconds: number;
  #savedAt = performance.now();

  constructor(path: string, { identity, seconds = 30 }: { identity: string; seconds?: number }) {
    this.#path = path;
    this.#identity = identity;
    this.#seconds = seconds;
  }

  /** Saves if the last time is long enough ago. */
  offer(step: number, network: Network, optimizer: Momentum): void {
    if (performance.now() - this.#savedAt >= 1000 * this.#seconds) this.save(step, network, optimizer);
  }

  save(step: number, network: Network, optimizer: Momentum): void {
    saveTraining(this.#path, { network, optimizer }, { identity: this.#identity, step });
    this.#savedAt = performance.now();
  }

  /** Loads what was saved and returns its step: 0 if there is nothing, or only what belongs to another training. */
  restore(network: Network, optimizer: Momentum): number {
    if (!existsSync(this.#path)) return 0;
    try {
      return loadTraining(this.#path, { network, optimizer }, this.#identity);
    } catch (error) {
      if (error instanceof InputError) return 0; // a damaged checkpoint costs its time, not the training
      throw error;
    }
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

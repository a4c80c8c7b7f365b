// Where a long training can go on after a kill: weights, statistics and optimizer in one safetensors file, replaced whole.

import { existsSync } from 'node:fs';
import type { Tensor } from '../engine/tensor.ts';
import { InputError } from '../failure.ts';
import type { Network } from '../model/network.ts';
import type { Momentum } from '../nn/optimizers.ts';
import { readSafetensors, writeSafetensors } from '../nn/safetensors.ts';

const networkPrefix = 'network.';
const optimizerPrefix = 'optimizer.';

export class Checkpoints {
  readonly #path: string;
  /** What the checkpoint must belong to: the same architecture, recipe, data and seed. */
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
    const tensors = {
      ...prefixed(networkPrefix, network.stateDict()),
      ...prefixed(optimizerPrefix, optimizer.state()),
    };
    writeSafetensors(this.#path, tensors, { step: String(step), identity: this.#identity });
    this.#savedAt = performance.now();
  }

  /** Loads what was saved and returns its step: 0 if there is nothing, or only what belongs to another training. */
  restore(network: Network, optimizer: Momentum): number {
    if (!existsSync(this.#path)) return 0;
    try {
      const { tensors, metadata } = readSafetensors(this.#path);
      if (metadata.identity !== this.#identity) return 0;
      network.loadStateDict(unprefixed(networkPrefix, tensors));
      optimizer.load(unprefixed(optimizerPrefix, tensors), Number(metadata.step));
      return Number(metadata.step);
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

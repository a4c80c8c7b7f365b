// Several processes that train one network, each on its part of every batch. The first one, rank 0, writes and prints.
// All call the same functions in the same order; each waits for the others.

import { addon } from '../engine/addon.ts';
import { tensor } from '../engine/create.ts';
import { free, scope } from '../engine/memory.ts';
import { operator } from '../engine/operator.ts';
import type { Tensor } from '../engine/tensor.ts';
import { Failure } from '../failure.ts';

export interface Replicas {
  /** 0 to count − 1. */
  readonly rank: number;
  readonly count: number;
  /** How tensors travel: 'gloo', 'ring', 'nccl'. */
  readonly transport: string;
  readonly traffic: Traffic;
  /** Replaces a contiguous tensor by the sum over all replicas, the same bits in all of them. */
  allReduce(tensor: Tensor): void;
  /** Replaces a contiguous tensor by that of rank 0. */
  broadcast(tensor: Tensor): void;
  /** The number of the group that reduces tensors of a device, for the operator nasnet::sum_over. */
  groupFor(device: string): number;
  /** @throws Failure with the reason if the training has ended for all */
  throwIfEnded(): void;
}

/** Sums over the tensors that a replica has exchanged. */
export interface Traffic {
  /** Bytes that it has sent: 2 · (count − 1) / count of every tensor. */
  bytes: number;
  /** Time in which it waited for others and for the network. */
  seconds: number;
}

/** Returns the sum over replicas of tensors on a device as a function with a gradient. */
export function sumOverOn(replicas: Replicas, device: string): (own: Tensor) => Tensor {
  const group = replicas.groupFor(device);
  return (own) => sumOver.tensor(own, group);
}

/** Returns the numbers of rank 0. */
export function numbersOfFirst(replicas: Replicas, numbers: readonly number[]): number[] {
  return exchanged(numbers, (all) => replicas.broadcast(all));
}

/** Returns the sums of each number over the replicas. */
export function sumsOver(replicas: Replicas, numbers: readonly number[]): number[] {
  return exchanged(numbers, (all) => replicas.allReduce(all));
}

function exchanged(numbers: readonly number[], exchange: (all: Tensor) => void): number[] {
  const all = tensor(Float64Array.from(numbers), [numbers.length]);
  try {
    exchange(all);
    return [...all.toArray()];
  } finally {
    free([all]);
  }
}

/** The groups of a process, opened by join-replicas.ts. */
export interface OpenGroups {
  rank: number;
  count: number;
  transport: string;
  /** The group of tensors in the host's memory, which also takes others. */
  host: number;
  /** The group of GPUs; absent: the host's. */
  gpu?: number | undefined;
}

const sumOver = operator('nasnet::sum_over');
const millisecondsForReason = 5000;

export class ReplicaGroup implements Replicas {
  readonly traffic: Traffic = { bytes: 0, seconds: 0 };
  readonly #groups: OpenGroups;
  readonly #ended: (milliseconds?: number) => string | undefined;

  /** @param ended why the training has ended for all, which it may wait for some milliseconds */
  constructor(groups: OpenGroups, ended: (milliseconds?: number) => string | undefined = () => undefined) {
    this.#groups = groups;
    this.#ended = ended;
  }

  get rank(): number {
    return this.#groups.rank;
  }

  get count(): number {
    return this.#groups.count;
  }

  get transport(): string {
    return this.#groups.transport;
  }

  groupFor(device: string): number {
    return device === 'cpu' ? this.#groups.host : (this.#groups.gpu ?? this.#groups.host);
  }

  allReduce(tensor: Tensor): void {
    this.#exchange(tensor, (group) => addon().sumOver(group, tensor.handle));
  }

  broadcast(tensor: Tensor): void {
    this.#exchange(tensor, (group) => addon().broadcastFrom(group, tensor.handle, 0));
  }

  throwIfEnded(): void {
    const reason = this.#ended();
    if (reason !== undefined) throw new Failure(reason, { code: 'replica-lost' });
  }

  #exchange(tensor: Tensor, run: (group: number) => void): void {
    const started = performance.now();
    try {
      scope(() => run(this.groupFor(tensor.device)));
    } catch (error) {
      const reason = this.#ended(millisecondsForReason) ?? `replica ${this.rank}: ${(error as Error).message}`;
      throw new Failure(reason, { code: 'replica-lost' });
    }
    this.traffic.bytes += (2 * tensor.bytes * (this.count - 1)) / this.count;
    this.traffic.seconds += (performance.now() - started) / 1000;
  }
}

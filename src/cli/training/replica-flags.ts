// The flags of a training by several processes: how many, which of them run here, and where they meet.

import { type Command, Option } from 'commander';
import { type Computing, cpu } from '../../engine/device.ts';
import { devices } from '../../engine/machine.ts';
import { InputError } from '../../failure.ts';
import { wholeNumber } from '../flags/parsers.ts';

export interface ReplicaFlags {
  replicas?: number;
  rank?: number[];
  rendezvous?: { host: string; port: number };
  syncNorm?: boolean;
}

/** The replicas of a training, and those of this machine. */
export interface ReplicaPlace {
  /** Number of replicas, on all machines. */
  count: number;
  /** Ranks of this process and of those that it starts. */
  ranks: [number, ...number[]];
  /** Where replica 0 waits for the others; absent: all are of this machine. */
  rendezvous: { host: string; port: number } | undefined;
  /** Whether norms use the images of all replicas. */
  synchronisesNorms: boolean;
}

export function addReplicaFlags(command: Command): Command {
  return command
    .option(
      '--replicas <n>',
      'train in so many processes, each with its part of every batch, and its part of --threads or a GPU',
      wholeNumber('--replicas', 'workers'),
    )
    .option(
      '--rank <r>',
      'with several machines: which replicas run on this one, 0 or a range such as 2-3',
      rankRange('--rank'),
    )
    .addOption(
      new Option(
        '--rendezvous <host:port>',
        'with several machines: address and free port of the one with replica 0',
      ).argParser(hostAndPort('--rendezvous')),
    )
    .option('--sync-norm', 'norms use the images of all replicas, not each its own; slower');
}

function rankRange(flag: string): (text: string) => number[] {
  return (text) => {
    const [, first, last = first] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(text) ?? [];
    const count = Number(last) - Number(first) + 1;
    if (first === undefined || count < 1)
      throw new InputError(`${flag}: expected a rank from 0, or a range such as 2-3, got ${JSON.stringify(text)}`);
    return Array.from({ length: count }, (_, place) => Number(first) + place);
  };
}

function hostAndPort(flag: string): (text: string) => { host: string; port: number } {
  return (text) => {
    const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:\s]+)):(\d{1,5})$/.exec(text) ?? [];
    const [host, port] = [bracketed ?? plain, Number(digits)];
    if (host === undefined || port < 1 || port > 65_535)
      throw new InputError(`${flag}: expected HOST:PORT, such as 10.0.0.1:29500, got ${JSON.stringify(text)}`);
    return { host, port };
  };
}

/** Returns the replicas that the flags ask for; undefined: this process trains alone. */
export function replicaPlace({ replicas, rank, rendezvous, syncNorm = false }: ReplicaFlags): ReplicaPlace | undefined {
  if (replicas === undefined || replicas === 1) {
    const other = rank ? '--rank' : rendezvous ? '--rendezvous' : syncNorm ? '--sync-norm' : undefined;
    if (other) throw new InputError(`${other}: expected --replicas of at least 2 with it`);
    return undefined;
  }
  const ranks = rank ?? Array.from({ length: replicas }, (_, place) => place);
  const last = ranks.at(-1)!;
  if (last >= replicas)
    throw new InputError(`--rank: expected ranks from 0 to ${replicas - 1} with --replicas ${replicas}, got ${last}`);
  if (rendezvous && !rank)
    throw new InputError('--rank: expected which replicas run on this machine, such as 0 or 2-3, got none');
  if (!rendezvous && ranks.length < replicas)
    throw new InputError('--rendezvous: expected HOST:PORT of replica 0, since not all replicas run here, got none');
  return {
    count: replicas,
    ranks: ranks as [number, ...number[]],
    rendezvous,
    synchronisesNorms: syncNorm,
  };
}

/** The device and threads of one replica. */
export interface ReplicaShare {
  rank: number;
  device: string;
  threads: number;
}

/**
 * Divides the machine among its replicas: threads equally, GPUs one each unless one is named.
 * @param word --device as it was typed
 * @throws InputError if there are fewer GPUs than replicas here
 */
export function sharesOf(
  { ranks }: Pick<ReplicaPlace, 'ranks'>,
  { device }: Computing,
  { word, threads }: { word: string; threads: number },
  gpus = device === cpu ? [] : devices().filter((name) => name !== cpu),
): ReplicaShare[] {
  const each = Math.max(1, Math.floor(threads / ranks.length));
  const takesOneEach = device !== cpu && ranks.length > 1 && !/^cuda:/.test(word);
  if (takesOneEach && gpus.length < ranks.length)
    throw new InputError(
      `--replicas: expected at most ${gpus.length} on this machine, as many as GPUs, got ${ranks.length}`,
    );
  return ranks.map((rank, place) => ({ rank, device: takesOneEach ? gpus[place]! : device, threads: each }));
}

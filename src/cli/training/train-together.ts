// `--replicas` of a training: this process as one of several that train a network, and the start of the others here.

import type { ReplicaSettings } from '../../children/training-job.ts';
import type { Computing } from '../../engine/device.ts';
import { InputError, Interruption } from '../../failure.ts';
import type { ForecastReplicas } from '../../forecast/training-forecast.ts';
import { type JoinedReplicas, joinReplicas } from '../../replicas/join-replicas.ts';
import { isLocalReplica, ownCommand } from '../../replicas/local-replicas.ts';
import { computingOf, type DeviceFlags } from '../flags/device-flags.ts';
import { LiveBlock, SilentBlock } from '../terminal/live-block.ts';
import { type ReplicaFlags, type ReplicaPlace, type ReplicaShare, replicaPlace, sharesOf } from './replica-flags.ts';

/** The part of a machine that this process has, which several replicas share. */
export interface ReplicaPart {
  place: ReplicaPlace;
  own: ReplicaShare;
  others: ReplicaShare[];
}

/** The part of a machine that a process of a training has, alone or as one of several. */
export interface TrainingPlace {
  /** Its part, if several processes train together. */
  part: ReplicaPart | undefined;
  computing: Computing;
  threads: number;
  block: LiveBlock;
}

/** Returns what the flags give this process, which may be a replica that another one started. */
export function trainingPlace(flags: ReplicaFlags & DeviceFlags & { threads: number }): TrainingPlace {
  const computing = computingOf(flags);
  const place = replicaPlace(flags);
  if (!place) return { part: undefined, computing, threads: flags.threads, block: new LiveBlock(process.stderr) };
  const part = replicaPart(place, computing, { word: flags.device, threads: flags.threads });
  const { device, threads } = part.own;
  const block = isLocalReplica() ? new SilentBlock(process.stderr) : new LiveBlock(process.stderr);
  return { part, computing: { ...computing, device }, threads, block };
}

function replicaPart(place: ReplicaPlace, computing: Computing, typed: { word: string; threads: number }): ReplicaPart {
  const [own, ...others] = sharesOf(place, computing, typed) as [ReplicaShare, ...ReplicaShare[]];
  if (isLocalReplica()) {
    process.on('SIGINT', () => {}); // Ctrl-C reaches the whole process group; the first replica handles it
    process.on('disconnect', () => process.exit(1)); // whoever started it is gone
  }
  return { place, own, others };
}

/** Returns the replicas as a dry run predicts them. */
export const forecastReplicas = ({ place, own, others }: ReplicaPart): ForecastReplicas => ({
  count: place.count,
  devices: [own, ...others].map(({ device }) => device),
  synchronisesNorms: place.synchronisesNorms,
});

/** Whether this process writes and prints. */
export const isFirst = (part: ReplicaPart | undefined): boolean => !part || part.own.rank === 0;

const advice = 'start it again to resume from the last checkpoint, also with another number of replicas';

/** Joins the others, which it starts if they are of this machine. @param training what all must be asked to train */
export async function joinOthers(
  { place, own, others }: ReplicaPart,
  training: unknown,
  block: LiveBlock,
): Promise<JoinedReplicas> {
  const { rank, device } = own;
  const { count, rendezvous = { host: '127.0.0.1', port: 0 } } = place;
  const where = `${rendezvous.host}:${rendezvous.port}`;
  const words = ({ device, threads, rank: other }: ReplicaShare) => ({
    rank: other,
    words: ['--device', device, '--threads', `${threads}`, '--rank', `${other}`, '--rendezvous'],
  });
  let mentioned = false;
  const onWaiting = (missing: number[] | undefined) => {
    if (missing?.length === 0 && rank === 0) return block.draw([]);
    const whom = missing ? missingWords(missing, count) : `replica 0 at ${where}`;
    if (rank === 0) block.draw([`  waiting for ${whom}`]);
    else if (!missing && !mentioned) {
      mentioned = true;
      block.log(`Waiting for ${whom}`);
    }
  };
  const replicas = await joinReplicas({
    ...{ rank, count, place: rendezvous, training, device, onWaiting, advice },
    locals: { command: ownCommand(), replicas: others.map(words) },
  });
  const sums = `gradients are summed over ${replicas.transport}`;
  if (rank === 0)
    block.log(`${count} replicas, ${own.threads === 1 ? '1 thread' : `${own.threads} threads`} each here; ${sums}`);
  else block.log(`Replica ${rank} of ${count} trains with ${where}, which prints and writes`);
  return replicas;
}

const missingWords = (missing: readonly number[], count: number) =>
  `${missing.length === 1 ? 'replica' : 'replicas'} ${missing.join(', ')} of ${count}`;

/** Runs the work of one that has joined, and lets the others know how it ended. */
export async function together<T>(
  place: ReplicaPlace | undefined,
  replicas: JoinedReplicas | undefined,
  work: (settings: ReplicaSettings | undefined) => Promise<T>,
): Promise<T> {
  if (!replicas) return work(undefined);
  try {
    const result = await work({ replicas, synchronisesNorms: place?.synchronisesNorms ?? false });
    await replicas.leave();
    return result;
  } catch (error) {
    const stopsWithAll = error instanceof Interruption && replicas.rank > 0; // all stop after the same step
    if (stopsWithAll) await replicas.leave();
    else await replicas.fail((error as Error).message);
    throw error;
  }
}

/** @throws InputError if a batch has fewer images than there are replicas */
export function requireImages({ count }: ReplicaPlace, batch: number): void {
  if (batch >= count) return;
  const most = `at most ${batch}, one for each image of a batch (--batch-size)`;
  throw new InputError(`--replicas: expected ${most}, got ${count}`);
}

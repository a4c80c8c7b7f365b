// Joins the replicas of a training: meets them, agrees with them how tensors travel, and opens the groups.

import { hostname } from 'node:os';
import { Worker } from 'node:worker_threads';
import { addon, addonFile } from '../engine/addon.ts';
import { Failure, InputError } from '../failure.ts';
import { nasnetVersion } from '../version.ts';
import type { LocalReplicas } from './local-replicas.ts';
import { type Card, type GroupPlan, type Patience, usualPatience } from './meeting-messages.ts';
import type { FromMeeting, MeetingSetup, ToMeeting } from './meeting-thread.ts';
import { type OpenGroups, ReplicaGroup, type Replicas } from './replicas.ts';
import { Verdict } from './verdict.ts';

export interface JoinOptions {
  rank: number;
  count: number;
  /** Where rank 0 waits for the others; for rank 0 the port may be 0 if all others are of this machine. */
  place: { host: string; port: number };
  /** The training as plain data, which must be equal at all replicas. */
  training: unknown;
  device: string;
  /** Replicas that this process starts. */
  locals: LocalReplicas;
  /** Ends the sentence about a replica that is lost: what to do then. */
  advice?: string;
  /** Called with the ranks that are missing, or undefined while rank 0 does not answer. */
  onWaiting?: (missing: number[] | undefined) => void;
  patience?: Partial<Patience>;
  /** Transports that may be used. Default: all that the machine has. */
  transports?: readonly string[];
  signal?: AbortSignal;
}

/** A replica's part in a training, until it leaves. */
export interface JoinedReplicas extends Replicas {
  /** Its training is done. */
  leave(): Promise<void>;
  /** It ends with an error, and so do all others. */
  fail(sentence: string): Promise<void>;
}

/** The longest time of an exchange, in which replica 0 may evaluate. The meeting tells of lost replicas long before. */
const millisecondsOfCall = 24 * 60 * 60_000;
const millisecondsToLeave = 3000;

/** Returns the transports of this machine, the best first: 'nccl', 'gloo', 'ring'. */
export const transports = (): string[] => addon().groupTransports().split(',');

/** @throws InputError if replica 0 refuses this one; Failure if others do not join or end */
export async function joinReplicas(options: JoinOptions): Promise<JoinedReplicas> {
  const { rank, count, place, training, device, locals, onWaiting, signal } = options;
  const verdict = new Verdict();
  const card: Card = {
    rank,
    count,
    version: nasnetVersion(),
    training: JSON.stringify(training),
    transports: transports().filter((name) => options.transports?.includes(name) ?? true),
    ringPort: addon().listenForRing(),
    ...(device.startsWith('cuda') && { gpu: `${hostname()} ${device}` }),
  };
  const patience = { ...usualPatience, ...options.patience };
  const workerData: MeetingSetup = {
    ...{ card, place, patience, locals, advice: options.advice },
    ...{ verdict: verdict.memory, addonFile: addonFile() },
  };
  const worker = new Worker(new URL('./meeting-thread.ts', import.meta.url), { workerData, execArgv: [] });
  const exited = new Promise((resolve) => worker.once('exit', resolve));
  const tell = (what: ToMeeting) => worker.postMessage(what);
  const close = async (what: ToMeeting) => {
    tell(what);
    const late = setTimeout(() => worker.terminate(), millisecondsToLeave);
    await exited;
    clearTimeout(late);
  };
  try {
    const plan = await new Promise<GroupPlan>((resolve, reject) => {
      worker.on('error', reject);
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
      worker.on('message', (message: FromMeeting) => {
        try {
          if (message.kind === 'waiting') onWaiting?.(message.missing);
          else if (message.kind === 'joined') tell({ kind: 'begin', plan: planOf(message) });
          else if (message.kind === 'begin') resolve(message.plan);
          else if (message.kind === 'refused') reject(refusal(message.sentence));
          else reject(problemOf(message.sentence));
        } catch (error) {
          reject(error);
        }
      });
    });
    const groups = openGroups(plan, card);
    worker.unref();
    const group = new ReplicaGroup(groups, (milliseconds) => verdict.get(milliseconds));
    return Object.assign(group, {
      leave: () => close({ kind: 'leave' }),
      fail: (sentence: string) => close({ kind: 'failed', sentence }),
    });
  } catch (error) {
    const reason = verdict.get(error instanceof InputError ? 0 : 500);
    await close({ kind: 'failed', sentence: (error as Error).message });
    throw reason === undefined ? error : problemOf(reason);
  }
}

/** The sentence names what is wrong: 'rank: ', 'replicas: ', 'rendezvous: ', or where the training differs. */
const refusal = (sentence: string): Error => new InputError(sentence, { code: 'replica-refused' });

/** Returns an InputError if the place where replicas meet was stated wrongly. */
const problemOf = (sentence: string): Error =>
  sentence.startsWith('rendezvous: ') ? refusal(sentence) : new Failure(sentence, { code: 'replica-lost' });

/** Decides at rank 0 how tensors travel: by what all replicas have. */
function planOf({ cards, hosts }: FromMeeting & { kind: 'joined' }): GroupPlan {
  const haveAll = (name: string) => cards.every((card) => card.transports.includes(name));
  const gpus = new Set(cards.map(({ gpu }) => gpu));
  const transport = haveAll('gloo') ? 'gloo' : 'ring';
  return {
    transport,
    hosts,
    ringPorts: cards.map(({ ringPort }) => ringPort),
    token: Math.floor(Math.random() * 2 ** 52),
    storePort: transport === 'gloo' ? addon().openStore!(hosts[0]!, millisecondsOfCall) : 0,
    // it refuses two processes on one GPU
    ...(haveAll('nccl') && !gpus.has(undefined) && gpus.size === cards.length && { nccl: addon().ncclName!() }),
  };
}

function openGroups({ transport, hosts, ringPorts, token, storePort, nccl }: GroupPlan, card: Card): OpenGroups {
  const { rank, count } = card;
  const native = addon();
  const next = (rank + 1) % count;
  const host =
    transport === 'gloo'
      ? native.openGloo!(rank, count, hosts[0]!, storePort, hosts[rank]!, millisecondsOfCall)
      : native.openRing(rank, count, hosts[next]!, ringPorts[next]!, token, millisecondsOfCall);
  const gpu = nccl === undefined ? undefined : native.openNccl!(rank, count, nccl, millisecondsOfCall);
  return { rank, count, transport: gpu === undefined ? transport : `nccl, ${transport}`, host, gpu };
}

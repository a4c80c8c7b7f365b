// What the processes of one training tell each other besides tensors: lines of JSON over TCP, all to or from the first
// one, which has rank 0.

import type { Socket } from 'node:net';
import { z } from 'zod';

/** A replica as it introduces itself. */
export interface Card {
  /** 0 to count − 1. */
  rank: number;
  /** Number of replicas that it was started for. */
  count: number;
  /** nasnet's version. */
  version: string;
  /** The training as JSON. */
  training: string;
  /** How it can exchange tensors, the best first. */
  transports: string[];
  /** The port at which it waits for the replica before it, of the ring. */
  ringPort: number;
  /** Its machine and GPU, which no other replica may share for NCCL; absent on the CPU. */
  gpu?: string | undefined;
}

/** How the replicas find each other's tensors, which the first one decides. */
export interface GroupPlan {
  transport: 'gloo' | 'ring';
  /** Addresses of the replicas by rank. */
  hosts: string[];
  ringPorts: number[];
  /** A number by which the ring knows its members. */
  token: number;
  /** The port of the store that Gloo needs, at the first replica; 0 without Gloo. */
  storePort: number;
  /** Name of the NCCL group; absent: GPUs exchange tensors through the host. */
  nccl?: string | undefined;
}

const card: z.ZodType<Card> = z.object({
  rank: z.int().nonnegative(),
  count: z.int().positive(),
  version: z.string(),
  training: z.string(),
  transports: z.array(z.string()),
  ringPort: z.int(),
  gpu: z.string().optional(),
} satisfies Record<keyof Card, z.ZodType>);

const groupPlan: z.ZodType<GroupPlan> = z.object({
  transport: z.enum(['gloo', 'ring']),
  hosts: z.array(z.string()),
  ringPorts: z.array(z.int()),
  token: z.int(),
  storePort: z.int(),
  nccl: z.string().optional(),
} satisfies Record<keyof GroupPlan, z.ZodType>);

const message = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('join'), card }),
  /** The first replica does not take it. */
  z.object({ kind: z.literal('refused'), sentence: z.string() }),
  z.object({ kind: z.literal('begin'), plan: groupPlan }),
  /** A sign of life. */
  z.object({ kind: z.literal('alive') }),
  /** A replica ends with an error; the sentence is its own. */
  z.object({ kind: z.literal('failed'), sentence: z.string() }),
  /** A replica has done its part. */
  z.object({ kind: z.literal('leave') }),
  /** The first replica ends all; the sentence says why. */
  z.object({ kind: z.literal('ended'), sentence: z.string() }),
]);

export type Message = z.infer<typeof message>;

/** An architecture takes some kilobytes. */
const mostCharacters = 4 << 20;

export const send = (socket: Socket, what: Message): void => {
  if (socket.writable) socket.write(`${JSON.stringify(what)}\n`);
};

/** Calls `onMessage` with each message of a connection, and `onStranger` once if it is none of nasnet's. */
export function receive(socket: Socket, onMessage: (got: Message) => void, onStranger: () => void): void {
  let pending = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    const lines = (pending + chunk).split('\n');
    pending = lines.pop()!;
    const messages = lines.map(parsed);
    if (pending.length > mostCharacters || messages.includes(undefined)) {
      socket.removeAllListeners('data');
      onStranger();
      return;
    }
    for (const each of messages) onMessage(each!);
  });
}

function parsed(line: string): Message | undefined {
  try {
    return message.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

/** Calls `onSilence` when nothing was heard for some milliseconds; `heard` says that something was. */
export class Silence {
  #heardAt = performance.now();
  readonly #timer: NodeJS.Timeout;

  constructor(milliseconds: number, onSilence: () => void) {
    this.#timer = setInterval(() => {
      if (performance.now() - this.#heardAt <= milliseconds) return;
      this.stop();
      onSilence();
    }, milliseconds / 6);
  }

  heard(): void {
    this.#heardAt = performance.now();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** Times of a meeting in milliseconds. */
export interface Patience {
  /** In which all replicas must join. */
  join: number;
  /** Without a sign of life, after which a replica is taken for dead. */
  silence: number;
}

export const usualPatience: Patience = { join: 15 * 60_000, silence: 60_000 };

// What searches and workers write for each other: plain data of known shapes, parsed where it is read. No code travels,
// and no module or path is named.

import { z } from 'zod';
import type { JobFailure } from '../workers/messages.ts';

/** Properties that all workers of a search share, so that their results are comparable. */
export interface Terms {
  /** nasnet's version. */
  version: string;
  /** The kind of jobs: 'training', … */
  evaluator: string;
  /** float32 or bfloat16. */
  precision: string;
  /** Major and minor version. */
  libtorch: string;
}

/** A queue of one search for workers that have so much memory for a job. */
export interface LaneCard {
  name: string;
  /** Bytes that a job needs; 0: it is not known. */
  memory: number;
}

/** A search as others see it. */
export interface SearchCard {
  protocol: number;
  id: string;
  name: string;
  host: string;
  startedAt: number;
  terms: Terms;
  /** Where artifacts are, without any path or password. */
  store: string;
  /** Seconds. */
  lease: number;
  losses: number;
  lanes: LaneCard[];
  /** Jobs that wait or run. */
  open: number;
  /** Whether workers should take nothing more. */
  draining: boolean;
}

/** A worker as others see it. */
export interface WorkerCard {
  protocol: number;
  id: string;
  host: string;
  pid: number;
  /** Its kind of machine: processor or GPU. */
  kind: string;
  terms: Terms;
  slots: number;
  /** Bytes for one job. */
  memory: number;
  running: string[];
  done: number;
  failed: number;
  draining: boolean;
}

/** A job in the queue. */
export interface QueuedJob {
  protocol: number;
  /** Identity of the setup, which is sent once. */
  setup: string;
  /** Threads of the job. */
  threads: 'one' | 'all';
  /** Predicted seconds. */
  predicted?: number | undefined;
  /** The same by kind of machine. */
  predictedOn?: Readonly<Record<string, number>> | undefined;
  job: unknown;
}

/** An event of a job in a worker, numbered from 0 in each attempt. */
export type Entry =
  | { kind: 'start'; worker?: string }
  | { kind: 'retry'; reason: string }
  | { kind: 'message'; message: unknown };

/** Entries of an attempt from one number on. */
export interface Progress {
  attempt: string;
  from: number;
  entries: Entry[];
  /** The latest message of those that matter only while they are new. */
  live?: unknown;
  /** Whether the worker gives the job back. */
  givenBack?: boolean | undefined;
}

/** The end of an attempt. A training that failed is also an end. */
export interface Returned {
  attempt: string;
  entries: Entry[];
  outcome: { result: unknown } | { failure: JobFailure };
  seconds: number;
  /** The worker's host and kind of machine. */
  host: string;
  kind: string;
}

type Fields<Whole> = Record<keyof Whole, z.ZodType>;

const count = z.int().nonnegative();
const text = z.string().max(1000);
/** A name that may be part of a key. */
const name = z.string().regex(/^[\w.-]{1,128}$/);

const terms: z.ZodType<Terms> = z.object({
  version: text,
  evaluator: text,
  precision: text,
  libtorch: text,
} satisfies Fields<Terms>);

const lane: z.ZodType<LaneCard> = z.object({ name, memory: count } satisfies Fields<LaneCard>);

export const searchCard: z.ZodType<SearchCard> = z.object({
  protocol: count,
  id: name,
  name: text,
  host: text,
  startedAt: z.number(),
  terms,
  store: text,
  lease: z.number().positive(),
  losses: z.int().positive(),
  lanes: z.array(lane).max(100),
  open: count,
  draining: z.boolean(),
} satisfies Fields<SearchCard>);

export const workerCard: z.ZodType<WorkerCard> = z.object({
  protocol: count,
  id: name,
  host: text,
  pid: count,
  kind: text,
  terms,
  slots: count.max(10_000),
  memory: z.number().nonnegative(),
  running: z.array(text).max(10_000),
  done: count,
  failed: count,
  draining: z.boolean(),
} satisfies Fields<WorkerCard>);

export const queuedJob: z.ZodType<QueuedJob> = z.strictObject({
  protocol: count,
  setup: z.string().regex(/^[0-9a-f]{64}$/),
  threads: z.enum(['one', 'all']),
  predicted: z.number().positive().exactOptional(),
  predictedOn: z.record(text, z.number().positive()).exactOptional(),
  job: z.unknown(),
} satisfies Fields<QueuedJob>);

const failure: z.ZodType<JobFailure> = z.object({
  kind: z.string().max(100),
  message: z.string().max(20_000),
} satisfies Fields<JobFailure>);

const entry: z.ZodType<Entry> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('start'), worker: text.exactOptional() }),
  z.object({ kind: z.literal('retry'), reason: z.string().max(20_000) }),
  z.object({ kind: z.literal('message'), message: z.unknown() }),
]);

export const progress: z.ZodType<Progress> = z.object({
  attempt: text,
  from: count,
  entries: z.array(entry),
  live: z.unknown().optional(),
  givenBack: z.boolean().optional(),
} satisfies Fields<Progress>);

export const returned: z.ZodType<Returned> = z.object({
  attempt: text,
  entries: z.array(entry),
  outcome: z.union([z.object({ result: z.unknown() }), z.object({ failure })]),
  seconds: z.number().nonnegative(),
  host: text,
  kind: text,
} satisfies Fields<Returned>);

/** Parses a message; undefined if it is none of this shape. */
export function readMessage<T>(schema: z.ZodType<T>, json: string | null | undefined): T | undefined {
  if (json === null || json === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(json));
  } catch {
    return undefined;
  }
}

const termWords: Record<keyof Terms, string> = {
  version: 'nasnet',
  evaluator: 'the evaluator',
  precision: 'the precision',
  libtorch: 'libtorch',
};

/** Says in what a worker differs from what a search needs; undefined: in nothing. */
export function difference(needed: Terms, own: Terms): string | undefined {
  const names = Object.keys(termWords) as (keyof Terms)[];
  const differing = names.filter((each) => needed[each] !== own[each]);
  if (differing.length === 0) return undefined;
  return differing.map((each) => `${termWords[each]} ${needed[each]}, not ${own[each]}`).join('; ');
}

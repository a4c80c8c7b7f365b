// A worker machine: it announces itself, joins every search that it suits, and runs their jobs in pools of processes.
// It never computes itself: a training blocks its thread for seconds, and locks must be renewed meanwhile.

import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Redis } from 'ioredis';
import { contentIdentity } from '../content-identity.ts';
import { Failure } from '../failure.ts';
import { type Connection, unlessAway } from '../store/redis-connection.ts';
import { type TimeLimits, WorkerPool } from '../workers/pool.ts';
import { Attempt } from './attempt.ts';
import { keys } from './keys.ts';
import {
  difference,
  type QueuedJob,
  type Returned,
  type SearchCard,
  type Terms,
  type WorkerCard,
} from './queue-messages.ts';
import { absence, heartbeat, protocol } from './queue-settings.ts';
import { Slots } from './slots.ts';
import { WorkerLane } from './worker-lane.ts';
import { searchesOf } from './workers-there.ts';

/** How the jobs of a setup run on this machine. */
export interface Prepared {
  resources: unknown;
  threads: number;
}

export interface AgentOptions {
  connection: Connection;
  /** How many jobs it runs at once. */
  slots: number;
  /** Bytes for each of them. */
  memory: number;
  /** Its kind of machine, such as the processor. */
  machine: string;
  terms: Terms;
  /** The evaluator module of all jobs (workers/messages.ts). */
  evaluator: URL;
  /** Prepares what a setup needs, such as its images. @throws Failure if this machine cannot have it */
  prepare: (setup: unknown, search: SearchCard, threads: 'one' | 'all') => Promise<Prepared>;
  /** Checks a job before it runs: it comes from elsewhere. @throws InputError */
  checkJob?: (job: unknown) => void;
  /** Whether this machine can do jobs of a search; a sentence if it cannot. */
  refuses?: (search: SearchCard) => string | undefined;
  isBrief?: (message: unknown) => boolean;
  /** Milliseconds for a stopped job to save its state. */
  toGiveUp?: number;
  /** Limits of a job's time. Default: those of a local pool. */
  time?: TimeLimits;
  onLine: (line: string) => void;
  /** Called with a line about each job that has ended. */
  onJob?: (line: string) => void;
  /** Milliseconds, shorter in tests. */
  times?: Partial<typeof defaultTimes>;
}

const defaultTimes = { heartbeat, absence };

interface SetupPool {
  pool: WorkerPool;
  running: number;
}

export class Agent implements AsyncDisposable {
  readonly id = `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`.replaceAll(/[^\w.-]/g, '_');
  readonly #options: AgentOptions;
  readonly #redis: Redis;
  readonly #times: typeof defaultTimes;
  readonly #slots: Slots;
  readonly #lanes = new Map<string, WorkerLane>();
  readonly #pools = new Map<string, Promise<SetupPool>>();
  readonly #opened = new Set<WorkerPool>();
  readonly #refused = new Set<string>();
  #done = 0;
  #failed = 0;
  #timer: NodeJS.Timeout | undefined;
  #draining = false;
  #closed = false;
  #beating: Promise<void> = Promise.resolve();
  #idleSince = performance.now();

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#redis = options.connection.redis;
    this.#times = { ...defaultTimes, ...options.times };
    this.#slots = new Slots(options.slots);
  }

  /** Joins the searches that are there, and those that come. */
  async start(): Promise<void> {
    await this.#beat();
    this.#timer = setInterval(() => {
      this.#beating = this.#beating.then(() => this.#beat()).catch(() => {});
    }, this.#times.heartbeat);
  }

  /** Process ids of the children that run. */
  get pids(): number[] {
    return [...this.#opened].flatMap((pool) => pool.pids);
  }

  get running(): number {
    return this.#slots.taken;
  }

  get finished(): { done: number; failed: number } {
    return { done: this.#done, failed: this.#failed };
  }

  /** Milliseconds since it last had a job; 0 while it has one. */
  get idle(): number {
    return this.running > 0 ? 0 : performance.now() - this.#idleSince;
  }

  /** Whether someone has asked it to take nothing more. */
  get draining(): boolean {
    return this.#draining;
  }

  /** The searches for which it works. */
  get lanes(): string[] {
    return [...this.#lanes.keys()];
  }

  /** Takes nothing more. Jobs that run go on. */
  drain(): void {
    this.#draining = true;
    for (const lane of this.#lanes.values()) lane.stopTaking();
  }

  /** Stops jobs in the middle; what they saved is where another worker goes on. */
  giveBack(): void {
    this.drain();
    for (const lane of this.#lanes.values()) lane.giveBack();
  }

  /**
   * Resolves when all running jobs have ended and their results are delivered. Does not wait for a server that is away
   * otherwise.
   */
  async close(): Promise<void> {
    this.drain();
    await Promise.all([...this.#lanes.values()].map((lane) => lane.close()));
    this.#closed = true;
    clearInterval(this.#timer);
    await unlessAway(this.#redis, this.#beating);
    await Promise.all([...this.#opened].map((pool) => pool.close()));
    if (this.#redis.status === 'ready') await unlessAway(this.#redis, this.#retract());
  }

  /** Takes the announcement back. */
  async #retract(): Promise<void> {
    await this.#redis.del(keys.worker(this.id), keys.drain(this.id)).catch(() => {});
    await this.#redis.srem(keys.workers, this.id).catch(() => {});
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.giveBack();
    return this.close();
  }

  async #beat(): Promise<void> {
    if (this.#closed || this.#redis.status !== 'ready') return;
    const asked = await this.#redis.exists(keys.drain(this.id), keys.drain(hostname()), keys.drain('all'));
    if (asked > 0 && !this.#draining) {
      this.#options.onLine('Asked to take nothing more; it ends when its children have');
      this.drain();
    }
    await this.#announce();
    await this.#join(await searchesOf(this.#redis));
    await Promise.all([...this.#lanes.values()].map((lane) => lane.look()));
  }

  async #announce(): Promise<void> {
    const { slots, memory, machine, terms } = this.#options;
    const running = [...this.#lanes.values()].flatMap((lane) => lane.running);
    const card: WorkerCard = {
      protocol,
      id: this.id,
      host: hostname(),
      pid: process.pid,
      kind: machine,
      terms,
      slots,
      memory,
      running,
      done: this.#done,
      failed: this.#failed,
      draining: this.#draining,
    };
    await this.#redis
      .multi()
      .set(keys.worker(this.id), JSON.stringify(card), 'PX', this.#times.absence)
      .sadd(keys.workers, this.id)
      .exec();
  }

  /** Opens the lanes of searches that are new here, and closes those of searches that are gone. */
  async #join(searches: SearchCard[]): Promise<void> {
    const wanted = new Map(
      searches
        .filter((search) => this.#suits(search))
        .flatMap((search) => this.#lanesOf(search).map((name) => [name, search])),
    );
    if (!this.#draining) for (const [name, search] of wanted) if (!this.#lanes.has(name)) this.#enter(name, search);
    for (const [name, lane] of this.#lanes) {
      if (wanted.has(name) || lane.running.length > 0) continue;
      this.#lanes.delete(name);
      void lane.close();
    }
  }

  #lanesOf({ lanes }: SearchCard): string[] {
    return lanes.filter(({ memory }) => memory <= this.#options.memory).map(({ name }) => name);
  }

  #enter(name: string, search: SearchCard): void {
    const { connection, onLine } = this.#options;
    const { lease, losses } = search;
    const lane = new WorkerLane({
      redis: connection.redis,
      name,
      host: hostname(),
      lease,
      losses,
      slots: this.#slots,
      work: (job, attempt, signal) => this.#work(search, job, attempt, signal),
      onLine,
    });
    if (![...this.#lanes.keys()].some((other) => other.startsWith(`${search.id}-`)))
      onLine(`Works for ${search.name} on ${search.host}`);
    this.#lanes.set(name, lane);
  }

  #suits(search: SearchCard): boolean {
    const { terms, refuses } = this.#options;
    const differing = difference(search.terms, terms);
    const why = search.protocol !== protocol ? 'another version of nasnet' : (differing ?? refuses?.(search));
    if (why === undefined) return true;
    if (!this.#refused.has(search.id))
      this.#options.onLine(`Cannot work for ${search.name} on ${search.host}: it needs ${why}`);
    this.#refused.add(search.id);
    return false;
  }

  async #work(
    search: SearchCard,
    { setup, threads, predicted, predictedOn = {}, job }: QueuedJob,
    { id, name, send }: { id: string; name: string; send: (progress: object) => Promise<unknown> },
    signal: AbortSignal,
  ): Promise<Returned> {
    const { machine, isBrief = () => false, checkJob } = this.#options;
    checkJob?.(job);
    const sendProgress = async (progress: object) => void (await send(progress));
    const attempt = new Attempt({ attempt: name, host: hostname(), kind: machine, send: sendProgress, isBrief });
    try {
      const prepared = await this.#pool(search, setup, threads);
      prepared.running++;
      try {
        const outcome = await prepared.pool.run(job, {
          predicted: predictedOn[machine] ?? predicted,
          signal,
          onStart: attempt.started,
          onRetry: attempt.retried,
          onMessage: attempt.message,
        });
        const failed = 'failure' in outcome;
        if (failed) this.#failed++;
        else this.#done++;
        this.#options.onJob?.(`${id} ${failed ? `failed: ${outcome.failure.message}` : 'is done'}`);
        return attempt.end(outcome);
      } finally {
        prepared.running--;
      }
    } finally {
      attempt.stop();
      this.#idleSince = performance.now();
    }
  }

  /** Returns the processes of a setup. Those of other setups end if they have no job. */
  async #pool(search: SearchCard, identity: string, threads: 'one' | 'all'): Promise<SetupPool> {
    const key = `${search.id} ${identity} ${threads}`;
    const known = this.#pools.get(key);
    if (known) return known;
    for (const [other, opened] of this.#pools) {
      const { pool, running } = await opened.catch(() => ({ pool: undefined, running: 0 }));
      if (!pool || running > 0) continue;
      this.#pools.delete(other);
      this.#opened.delete(pool);
      await pool.close();
    }
    const again = this.#pools.get(key);
    if (again) return again;
    const opening = this.#openPool(search, identity, threads);
    this.#pools.set(key, opening);
    opening.catch(() => this.#pools.delete(key));
    return opening;
  }

  async #openPool(search: SearchCard, identity: string, threads: 'one' | 'all'): Promise<SetupPool> {
    const { slots, evaluator, prepare, toGiveUp, time } = this.#options;
    const text = await this.#redis.get(keys.setup(search.id, identity));
    if (text === null) throw new Failure(`the server does not have the setup of ${search.name} yet`);
    const setup: unknown = JSON.parse(text);
    if (contentIdentity(setup) !== identity) throw new Failure(`the setup of ${search.name} is not what its name says`);
    const { resources, threads: count } = await prepare(setup, search, threads);
    const limits = { ...(toGiveUp !== undefined && { toGiveUp }), ...(time && { time }) };
    const pool = new WorkerPool({ workers: slots, evaluator, setup, resources, threads: count, ...limits });
    this.#opened.add(pool);
    return { pool, running: 0 };
  }
}

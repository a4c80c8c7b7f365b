// The side of a search: it puts jobs into its queues on the server and hears what comes of them. The study is the
// truth, and the server may lose everything: what is missing there is put there again.

import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, QueueEvents, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { shown } from '../checked.ts';
import { Failure } from '../failure.ts';
import { type Connection, serverPrefix, unlessAway } from '../store/redis-connection.ts';
import { bytesWords } from '../words.ts';
import type { JobOutcome, RunOptions } from '../workers/job-runner.ts';
import { keys } from './keys.ts';
import { laneName, laneSize } from './lanes.ts';
import { OpenJob } from './open-job.ts';
import {
  difference,
  progress,
  type QueuedJob,
  readMessage,
  returned,
  type SearchCard,
  searchCard,
  type Terms,
  type WorkerCard,
} from './queue-messages.ts';
import {
  absence,
  clusterDefaults,
  eventsKept,
  heartbeat,
  keepSeconds,
  largestResult,
  leaseTimes,
  protocol,
  reconcileEvery,
} from './queue-settings.ts';
import { removeTraces } from './search-traces.ts';
import { isSuitable, workersOf } from './workers-there.ts';

export interface SearchQueueOptions {
  connection: Connection;
  /** Identifies the study. */
  id: string;
  /** The study's name in messages. */
  name: string;
  terms: Terms;
  /** Where artifacts are, as workers are told. */
  store: string;
  /** Its images, which are sent to the store when a worker lacks them. */
  dataset?: { content: string; description: string; send: () => Promise<void> };
  /** Seconds. */
  lease?: number;
  losses?: number;
  /** Called with remarks on workers and the server. */
  onNote?: (line: string) => void;
  /** Called when the number of slots changes, in all and by kind of machine. */
  onSlots?: (slots: number, kinds: ReadonlyMap<string, number>) => void;
  /** Milliseconds, shorter in tests. */
  times?: Partial<typeof defaultTimes>;
}

const defaultTimes = { heartbeat, reconcile: reconcileEvery, absence };

/** One queue of the search, with what listens to it and sweeps it. */
interface Lane {
  name: string;
  memory: number;
  queue: Queue;
  events: QueueEvents;
  sweeper: Worker;
}

export class SearchQueue implements AsyncDisposable {
  readonly #options: SearchQueueOptions;
  readonly #redis: Redis;
  readonly #times: typeof defaultTimes;
  readonly #card: SearchCard;
  readonly #token = `${hostname()} ${process.pid} ${randomUUID()}`;
  readonly #lanes = new Map<string, Lane>();
  readonly #opening = new Map<string, Promise<Lane>>();
  readonly #earlier: Lane[] = [];
  readonly #open = new Map<string, OpenJob>();
  readonly #setups = new Map<string, string>();
  #timers: NodeJS.Timeout[] = [];
  #slots = 0;
  #sending = false;
  #present: WorkerCard[] = [];
  #closed: Error | undefined;
  #paused = false;
  readonly #noted = new Set<string>();

  private constructor(options: SearchQueueOptions) {
    const { lease = clusterDefaults.lease, losses = clusterDefaults.losses } = options;
    const { id, name, terms, store, times, connection } = options;
    this.#options = options;
    this.#redis = connection.redis;
    this.#times = { ...defaultTimes, ...times };
    const startedAt = Date.now();
    const card = { protocol, id, name, host: hostname(), startedAt, terms, store, lease, losses };
    this.#card = { ...card, lanes: [], open: 0, draining: false };
  }

  /** Announces the search. @throws Failure if another process has the same study */
  static async open(options: SearchQueueOptions): Promise<SearchQueue> {
    const queue = new SearchQueue(options);
    await queue.#takeOwnership();
    await queue.#openEarlierLanes();
    await queue.#announce();
    await queue.#lookForWorkers();
    queue.#begin();
    return queue;
  }

  /** Identifies the study. */
  get id(): string {
    return this.#card.id;
  }

  /** How many jobs the workers that are there can run at once. */
  get slots(): number {
    return this.#slots;
  }

  /** The slots by kind of machine. */
  get kinds(): ReadonlyMap<string, number> {
    const kinds = new Map<string, number>();
    for (const { kind, slots } of this.workers) kinds.set(kind, (kinds.get(kind) ?? 0) + slots);
    return kinds;
  }

  /** The workers that are there and suit the search. */
  get workers(): WorkerCard[] {
    return this.#present.filter((worker) => isSuitable(worker, this.#card));
  }

  /** Sends a setup once, which jobs then name. */
  async addSetup(identity: string, setup: unknown): Promise<void> {
    this.#setups.set(identity, JSON.stringify(setup));
    await this.#announce();
  }

  /** Runs a job as JobRunner does. `leave`: an aborted job that runs already is not ended. */
  async run(data: QueuedJob, options: RunOptions & { id: string; leave: boolean }): Promise<JobOutcome> {
    const { id, signal, memory, leave } = options;
    if (signal?.aborted) throw signal.reason;
    if (this.#closed) throw this.#closed;
    const lane = (await this.#earlierLaneOf(id)) ?? (await this.#lane(laneSize(memory)));
    if (signal?.aborted) throw signal.reason;
    const job = new OpenJob(id, lane.name, data, options);
    this.#open.set(id, job);
    const abort = () => {
      this.#open.delete(id);
      job.reject(signal!.reason);
      void this.#abort(lane, id, leave);
    };
    signal?.addEventListener('abort', abort, { once: true });
    try {
      await this.#add(lane, job);
      return await job.outcome;
    } finally {
      this.#open.delete(id);
      signal?.removeEventListener('abort', abort);
    }
  }

  /** While paused, no worker takes a job; those that run go on. */
  async pause(paused: boolean): Promise<void> {
    this.#paused = paused;
    for (const lane of this.#lanes.values()) await this.#pauseLane(lane);
  }

  /** Also right for a server that has lost it, and for a search that was killed while it was paused. */
  async #pauseLane({ queue }: Lane): Promise<void> {
    if (this.#paused) await queue.pause();
    else if (await queue.isPaused()) await queue.resume();
  }

  /**
   * Ends the search's part. Finished: all its traces go. Otherwise waiting jobs are taken back, running ones go on, and
   * their results wait for the next process.
   */
  async close({ finished }: { finished: boolean }): Promise<void> {
    if (this.#closed) return;
    this.#closed = new Failure('the queue is closed');
    for (const timer of this.#timers) clearInterval(timer);
    for (const job of this.#open.values()) job.reject(this.#closed);
    this.#open.clear();
    if (this.#redis.status === 'ready') await unlessAway(this.#redis, this.#tidy(finished).catch(ignore));
    await Promise.all([...this.#lanes.values()].map(closeLane));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close({ finished: false });
  }

  async #tidy(finished: boolean): Promise<void> {
    const { id } = this.#card;
    const lanes = [...this.#lanes.values()];
    if (finished) {
      await removeTraces(this.#redis, { id, lanes });
      const { dataset } = this.#options;
      if (dataset) await this.#redis.del(keys.dataset(dataset.content)); // another search of it announces it again
    } else for (const { queue } of lanes) await queue.drain();
    await this.#redis.eval(removeIfEqual, 1, keys.owner(id), this.#token);
  }

  #begin(): void {
    const quietly = (work: () => Promise<void>) => () =>
      void work().catch((error: unknown) => this.#note(String(error)));
    this.#timers = [
      setInterval(
        quietly(() => this.#beat()),
        this.#times.heartbeat,
      ),
      setInterval(
        quietly(() => this.#reconcile()),
        this.#times.reconcile,
      ),
    ];
    for (const timer of this.#timers) timer.unref();
    this.#redis.on(
      'ready',
      quietly(() => this.#reconcile()),
    ); // the server is back, perhaps without its data
  }

  async #beat(): Promise<void> {
    if (this.#closed || this.#redis.status !== 'ready') return;
    if (!(await this.#owns())) {
      const reason = new Failure(`${this.#card.name}: another process searches this study by now; this one stops`);
      for (const job of this.#open.values()) job.reject(reason);
      return;
    }
    if ((await this.#redis.exists(keys.cancelled(this.#card.id))) > 0) {
      await this.#redis.del(keys.cancelled(this.#card.id));
      const reason = new Failure(`${this.#card.name}: the search was cancelled by "nasnet queue cancel"`);
      for (const job of this.#open.values()) job.reject(reason);
    }
    await this.#announce();
    await this.#lookForWorkers();
    await this.#sendImages();
  }

  async #sendImages(): Promise<void> {
    const { dataset } = this.#options;
    if (!dataset || this.#sending || (await this.#redis.exists(keys.wanted(dataset.content))) === 0) return;
    this.#sending = true;
    try {
      await dataset.send();
      await this.#redis.del(keys.wanted(dataset.content));
    } finally {
      this.#sending = false;
    }
  }

  async #takeOwnership(): Promise<void> {
    const key = keys.owner(this.#card.id);
    if ((await this.#redis.set(key, this.#token, 'PX', this.#times.absence, 'NX')) === 'OK') return;
    const [host, pid] = ((await this.#redis.get(key)) ?? '').split(' ');
    if (host === hostname() && pid !== undefined && !isAlive(Number(pid))) {
      await this.#redis.set(key, this.#token, 'PX', this.#times.absence); // the process was killed
      return;
    }
    throw new Failure(
      `${this.#card.name}: process ${pid} on ${host} searches this study; where that was killed, wait ${Math.ceil(this.#times.absence / 1000)} s`,
      { code: 'searched-elsewhere' },
    );
  }

  async #owns(): Promise<boolean> {
    const { absence } = this.#times;
    return (await this.#redis.eval(extendIfEqual, 1, keys.owner(this.#card.id), this.#token, absence)) === 1;
  }

  /** Writes what workers must know, also to a server that has lost it. */
  async #announce(): Promise<void> {
    const { id } = this.#card;
    const lanes = [...this.#lanes.values()].map(({ name, memory }) => ({ name, memory }));
    const write = this.#redis.multi();
    for (const [identity, text] of this.#setups) {
      write.set(keys.setup(id, identity), text, 'EX', keepSeconds);
      write.sadd(keys.setups(id), identity);
    }
    write.set(keys.search(id), JSON.stringify({ ...this.#card, lanes, open: this.#open.size }), 'EX', keepSeconds);
    write.sadd(keys.searches, id);
    const { dataset } = this.#options;
    if (dataset) write.set(keys.dataset(dataset.content), dataset.description, 'EX', keepSeconds);
    await write.exec();
  }

  async #lookForWorkers(): Promise<void> {
    this.#present = await workersOf(this.#redis);
    for (const worker of this.#present) {
      const why = difference(this.#card.terms, worker.terms);
      if (why !== undefined)
        this.#noteOnce(worker.id, `The worker on ${worker.host} cannot work for this search: it needs ${why}`);
    }
    this.#noteLackOfMemory();
    const slots = this.workers.reduce((sum, { slots }) => sum + slots, 0);
    if (slots === this.#slots) return;
    this.#slots = slots;
    this.#options.onSlots?.(slots, this.kinds);
  }

  /** Opens the lanes of an earlier process, whose jobs may run or be done. */
  async #openEarlierLanes(): Promise<void> {
    const card = readMessage(searchCard, await this.#redis.get(keys.search(this.#card.id)));
    for (const { memory } of card?.lanes ?? []) this.#earlier.push(await this.#lane(memory));
  }

  /** Returns the lane in which an earlier process has put a job: its memory may be predicted otherwise by now. */
  async #earlierLaneOf(id: string): Promise<Lane | undefined> {
    for (const lane of this.#earlier) if ((await lane.queue.getJobState(id)) !== 'unknown') return lane;
    return undefined;
  }

  /** Says which jobs wait for a worker with more memory than any that is there. */
  #noteLackOfMemory(): void {
    const most = Math.max(...this.workers.map(({ memory }) => memory));
    const waiting = new Set([...this.#open.values()].map(({ lane }) => lane));
    for (const { name, memory } of this.#lanes.values())
      if (Number.isFinite(most) && memory > most && waiting.has(name))
        this.#noteOnce(
          `${name} ${most}`,
          `Some children need ${bytesWords(memory)}, and no worker that is there has more than ${bytesWords(most)} for each: they wait for one that has`,
        );
  }

  #note(line: string): void {
    if (!this.#closed) this.#options.onNote?.(line);
  }

  #noteOnce(key: string, line: string): void {
    if (this.#noted.has(key)) return;
    this.#noted.add(key);
    this.#note(line);
  }

  /** Returns a lane, in the order of the calls. */
  #lane(memory: number): Promise<Lane> {
    const name = laneName(this.#card.id, memory);
    const known = this.#opening.get(name) ?? this.#openLane(name, memory);
    this.#opening.set(name, known);
    return known;
  }

  async #openLane(name: string, memory: number): Promise<Lane> {
    const { lock, sweep } = leaseTimes(this.#card.lease);
    const keep = { age: keepSeconds };
    const common = { connection: this.#redis, prefix: serverPrefix };
    const queue = new Queue(name, {
      ...common,
      defaultJobOptions: { attempts: 1, removeOnComplete: keep, removeOnFail: keep },
      streams: { events: { maxLen: eventsKept } },
    });
    const events = new QueueEvents(name, { ...common, blockingTimeout: 5000 });
    const sweeper = new Worker(name, null, {
      ...common,
      autorun: false,
      lockDuration: lock,
      stalledInterval: sweep,
      maxStalledCount: this.#card.losses - 1,
    });
    queue.on('error', ignore);
    events.on('error', ignore);
    sweeper.on('error', ignore);
    const lane = { name, memory, queue, events, sweeper };
    this.#lanes.set(name, lane);
    this.#listen(lane);
    await events.waitUntilReady();
    void sweeper.startStalledCheckTimer();
    await this.#pauseLane(lane);
    await this.#announce();
    return lane;
  }

  #listen({ events, name }: Lane): void {
    const openJob = (id: string) => {
      const job = this.#open.get(id);
      return job?.lane === name ? job : undefined;
    };
    events.on('progress', ({ jobId, data }) => {
      const news = progress.safeParse(data);
      if (news.success) openJob(jobId)?.progress(news.data);
    });
    events.on('duplicated', ({ jobId }) => void this.#check(jobId).catch(ignore)); // an earlier process has added it
    events.on('stalled', ({ jobId }) => openJob(jobId)?.lost('its worker was lost'));
    events.on('completed', ({ jobId, returnvalue }) => {
      const job = openJob(jobId);
      if (job) this.#finish(job, returnvalue);
    });
    events.on('failed', ({ jobId, failedReason }) => {
      const job = openJob(jobId);
      if (job) this.#fail(job, failedReason);
    });
  }

  #finish(job: OpenJob, value: unknown): void {
    const recorded = () => this.#forget(job);
    const parsed = returned.safeParse(value);
    if (!parsed.success)
      job.fail('refused', 'a worker sent a result of an unknown shape, which does not count', recorded);
    else if (JSON.stringify(parsed.data).length > 2 * largestResult)
      job.fail('result-too-large', `a worker sent a result of more than ${largestResult} characters`, recorded);
    else job.finish(parsed.data, recorded);
  }

  #fail(job: OpenJob, reason: string): void {
    const recorded = () => this.#forget(job);
    if (/stalled more than/.test(reason)) this.#failLost(job, recorded);
    else job.fail('refused', reason, recorded);
  }

  #failLost(job: OpenJob, recorded: () => void): void {
    const { lastHost = 'an unknown host', lastMessage } = job;
    const last = lastMessage === undefined ? '' : `, after it had reported ${shown(lastMessage, 200)}`;
    job.fail(
      'worker-lost',
      `its worker was lost ${this.#card.losses} times, the last time on ${lastHost}${last}`,
      recorded,
    );
  }

  /** Removes the job of a recorded outcome. */
  #forget(job: OpenJob): void {
    const lane = this.#lanes.get(job.lane);
    if (lane && !this.#closed) void lane.queue.remove(job.id).catch(() => {}); // it ends by its age otherwise
  }

  /** Adds a job as soon as the server takes it. */
  async #add({ queue }: Lane, { id, data, options: { next = false } }: OpenJob): Promise<void> {
    while (this.#open.has(id) && !this.#closed) {
      try {
        await queue.add('job', data, { jobId: id, lifo: next });
        return;
      } catch (error) {
        this.#noteOnce('full', `The server does not take jobs (${(error as Error).message}); trying again`);
        await sleep(this.#times.heartbeat);
      }
    }
  }

  /** Looks at the state of a job, which events may have missed. */
  async #check(id: string): Promise<void> {
    const job = this.#open.get(id);
    const lane = job && this.#lanes.get(job.lane);
    if (!job || !lane) return;
    const state = await lane.queue.getJobState(id);
    if (state === 'completed' || state === 'failed') {
      const stored = await lane.queue.getJob(id);
      if (stored && state === 'completed') this.#finish(job, stored.returnvalue);
      else if (stored) this.#fail(job, stored.failedReason);
    } else if (state === 'unknown' && this.#open.has(id) && !this.#closed) {
      job.lost('the server has lost it');
      await lane.queue.add('job', job.data, { jobId: id, lifo: job.options.next ?? false });
    }
  }

  async #reconcile(): Promise<void> {
    if (this.#closed || this.#redis.status !== 'ready') return;
    await this.#announce();
    for (const lane of this.#lanes.values()) await this.#pauseLane(lane);
    for (const id of [...this.#open.keys()]) await this.#check(id);
  }

  /** Takes a job back that waits; asks its worker to end one that runs, unless it is to be left. */
  async #abort({ name, queue }: Lane, id: string, leave: boolean): Promise<void> {
    try {
      if ((await queue.remove(id)) === 1) return;
      if (leave) return;
      await this.#redis.multi().sadd(keys.aborted(name), id).expire(keys.aborted(name), keepSeconds).exec();
    } catch {} // the server is away: the job goes on, and its result is not asked for
  }
}

/** The connection tells when the server is away. */
const ignore = () => {};

async function closeLane({ queue, events, sweeper }: Lane): Promise<void> {
  await Promise.all([sweeper.close(true), closeEvents(events), queue.close()].map((end) => end.catch(ignore)));
}

/**
 * Ends the connection at once. QueueEvents.close() alone waits for its 'end', which ioredis never emits for one that
 * waits to connect again, as it does while the server is away and some seconds longer (redis/ioredis#2169).
 */
async function closeEvents(events: QueueEvents): Promise<void> {
  events.close().catch(ignore); // ends its loop
  await events.backend.close(true);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Extends the key if it has the value, or creates it again if the server has lost it. */
const extendIfEqual = `
  local value = redis.call('get', KEYS[1])
  if value and value ~= ARGV[1] then return 0 end
  redis.call('set', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return 1`;

const removeIfEqual = `
  if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end
  return 0`;

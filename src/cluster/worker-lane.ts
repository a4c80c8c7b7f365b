// The side of a worker in one lane of a search: it takes jobs while a slot is free, keeps their locks, and delivers
// their results, however long the server is away. It knows not what jobs compute.

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Job, UnrecoverableError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { serverPrefix, unlessAway } from '../store/redis-connection.ts';
import { keys } from './keys.ts';
import { type QueuedJob, queuedJob, type Returned, readMessage, returned } from './queue-messages.ts';
import { keepSeconds, leaseTimes, protocol } from './queue-settings.ts';
import type { Slots } from './slots.ts';

/** Why a job is stopped in the middle. */
export type Stop = 'give back' | 'aborted' | 'another result';

class Stopped extends Error {
  readonly stop: Stop;

  constructor(stop: Stop) {
    super(stop);
    this.stop = stop;
  }
}

export interface WorkerLaneOptions {
  redis: Redis;
  name: string;
  host: string;
  /** Seconds. */
  lease: number;
  losses: number;
  slots: Slots;
  /** Runs a job. Rejects when aborted, and if this machine cannot run it. */
  work: (
    job: QueuedJob,
    attempt: { id: string; name: string; send: Job['updateProgress'] },
    signal: AbortSignal,
  ) => Promise<Returned>;
  onLine: (line: string) => void;
}

interface Running {
  job: Job;
  token: string;
  controller: AbortController;
  ended: Promise<void>;
  /** When the server first said that there is no such job. */
  missingSince?: number;
}

/**
 * Milliseconds after which a job that the server does not know any more is given up: its search puts it there again.
 */
const patience = 90_000;

export class WorkerLane {
  readonly #options: WorkerLaneOptions;
  readonly #worker: Worker;
  readonly #running = new Map<string, Running>();
  readonly #renewal: NodeJS.Timeout;
  #stopping = false;
  readonly #taking: Promise<void>;

  constructor(options: WorkerLaneOptions) {
    const { redis, name, host, lease, losses } = options;
    const { lock, renew, sweep } = leaseTimes(lease);
    this.#options = options;
    this.#worker = new Worker(name, null, {
      connection: redis,
      prefix: serverPrefix,
      name: host,
      autorun: false,
      lockDuration: lock,
      stalledInterval: sweep,
      maxStalledCount: losses - 1,
      drainDelay: 5,
      runRetryDelay: 1000,
    });
    this.#worker.on('error', () => {}); // the connection tells of the server
    this.#renewal = setInterval(() => void this.#renew(lock), renew);
    void this.#worker.startStalledCheckTimer();
    this.#taking = this.#takeJobs();
  }

  get name(): string {
    return this.#options.name;
  }

  /** Ids of the jobs that run. */
  get running(): string[] {
    return [...this.#running.keys()];
  }

  /** Looks whether jobs that run are not wanted any more. */
  async look(): Promise<void> {
    const ids = this.running;
    if (ids.length === 0) return;
    const { redis, name } = this.#options;
    const aborted = await redis.smismember(keys.aborted(name), ...ids);
    const late = await Promise.all(ids.map((id) => redis.exists(keys.late(name, id))));
    ids.forEach((id, index) => {
      if (aborted[index] === 1) this.#running.get(id)?.controller.abort(new Stopped('aborted'));
      else if (late[index] === 1) this.#running.get(id)?.controller.abort(new Stopped('another result'));
    });
  }

  /** Takes nothing more. */
  stopTaking(): void {
    this.#stopping = true;
  }

  /** Stops jobs in the middle, and gives them back to be done elsewhere. */
  giveBack(): void {
    for (const { controller } of this.#running.values()) controller.abort(new Stopped('give back'));
  }

  /** Resolves when no job runs. Takes nothing more. */
  async close(): Promise<void> {
    this.stopTaking();
    while (this.#running.size > 0) await Promise.all([...this.#running.values()].map(({ ended }) => ended));
    clearInterval(this.#renewal);
    await this.#worker.close(true).catch(() => {});
    await unlessAway(this.#options.redis, this.#taking);
  }

  async #takeJobs(): Promise<void> {
    const { slots } = this.#options;
    while (!this.#stopping) {
      await slots.free();
      if (this.#stopping) return;
      const token = `${this.#options.host} ${randomUUID()}`;
      try {
        const job = await this.#worker.getNextJob(token);
        if (job) await this.#begin(job, token);
      } catch {
        await sleep(1000); // the server is away or full
      }
    }
  }

  async #begin(job: Job, token: string): Promise<void> {
    const { slots } = this.#options;
    if (this.#stopping || !slots.take()) {
      await job.moveToWait(token); // another lane was faster
      return;
    }
    const controller = new AbortController();
    const ended = this.#attempt(job, token, controller.signal).finally(() => {
      this.#running.delete(job.id!);
      slots.release();
    });
    this.#running.set(job.id!, { job, token, controller, ended });
  }

  async #attempt(job: Job, token: string, signal: AbortSignal): Promise<void> {
    const { redis, name, work, onLine } = this.#options;
    try {
      if (job.deferredFailure) return await this.#end(job, token, job.deferredFailure); // it has lost too many workers
      const late = readMessage(returned, await redis.get(keys.late(name, job.id!)));
      if (late) return await this.#deliver(job, token, late);
      const data = this.#read(job);
      if (data === undefined) return await this.#refuse(job, token);
      const attempt = { id: job.id!, name: token, send: (progress: object) => job.updateProgress(progress) };
      await this.#deliver(job, token, await work(data, attempt, signal));
    } catch (error) {
      const stop = signal.reason instanceof Stopped ? signal.reason.stop : undefined;
      if (stop === 'aborted') return this.#end(job, token, 'the search does not need it any more');
      if (stop === 'another result') return this.#deliverOther(job, token);
      if (stop === undefined) onLine(`${job.id} is given back: ${(error as Error).message}`);
      await this.#return(job, token);
      if (stop === undefined) await sleep(5000); // others may be able to run it
    }
  }

  #read(job: Job): QueuedJob | undefined {
    const parsed = queuedJob.safeParse(job.data);
    return parsed.success && parsed.data.protocol === protocol ? parsed.data : undefined;
  }

  async #refuse(job: Job, token: string): Promise<void> {
    const reason = `${this.#options.host} refused a job of an unknown shape`;
    this.#options.onLine(`${job.id} is refused: it is no job of a search`);
    await this.#end(job, token, reason);
  }

  async #end(job: Job, token: string, reason: string): Promise<void> {
    await job.moveToFailed(new UnrecoverableError(reason), token, false).catch(() => {});
    await this.#options.redis.srem(keys.aborted(this.#options.name), job.id!);
  }

  async #return(job: Job, token: string): Promise<void> {
    try {
      await job.updateProgress({ attempt: token, from: 0, entries: [], givenBack: true });
      await job.moveToWait(token);
    } catch {} // it is not ours any more
  }

  /** Delivers what another worker has found out, too late for itself. */
  async #deliverOther(job: Job, token: string): Promise<void> {
    const { redis, name } = this.#options;
    const late = readMessage(returned, await redis.get(keys.late(name, job.id!)));
    if (late) await this.#deliver(job, token, late);
    else await this.#return(job, token);
  }

  /** Delivers a result as soon as the server takes it. */
  async #deliver(job: Job, token: string, result: Returned): Promise<void> {
    for (let pause = 250, told = false; ; pause = Math.min(2 * pause, 5000)) {
      try {
        await job.moveToCompleted(result, token, false);
        await this.#options.redis.del(keys.late(this.name, job.id!));
        return;
      } catch (error) {
        if (isLost(error)) return this.#deliverLate(job, result);
        if (!told)
          this.#options.onLine(
            `The server does not take the result of ${job.id} (${(error as Error).message}); trying again`,
          );
        told = true;
        await sleep(pause);
      }
    }
  }

  /** Leaves the result of a job that was given to another meanwhile: whoever has it or gets it delivers this one. */
  async #deliverLate(job: Job, result: Returned): Promise<void> {
    const { redis, name, onLine } = this.#options;
    if ((await job.isCompleted()) === true) return;
    await redis.set(keys.late(name, job.id!), JSON.stringify(result), 'EX', keepSeconds, 'NX');
    onLine(`The result of ${job.id} came late and counts if there is no other yet`);
  }

  async #renew(lock: number): Promise<void> {
    const running = [...this.#running.values()];
    if (running.length === 0 || this.#options.redis.status !== 'ready') return;
    try {
      const ids = running.map(({ job }) => job.id!);
      const failed = await this.#worker.extendJobLocks(
        ids,
        running.map(({ token }) => token),
        lock,
      );
      for (const id of failed) await this.#lockLost(id);
    } catch {} // the server is away; the lock lasts for some more of these
  }

  /** A job that was lost goes on, since its result counts if it is the first. */
  async #lockLost(id: string): Promise<void> {
    const lost = this.#running.get(id);
    if (!lost) return;
    const state = await lost.job.getState();
    if (state === 'completed' || state === 'failed') lost.controller.abort(new Stopped('another result'));
    else if (state !== 'unknown') delete lost.missingSince;
    else {
      lost.missingSince ??= performance.now();
      if (performance.now() - lost.missingSince > patience) lost.controller.abort(new Stopped('aborted'));
    }
  }
}

/** Whether the job was given to another worker, or the server has lost it. */
const isLost = (error: unknown) => [-1, -2, -3, -6].includes((error as { code?: number }).code ?? 0);

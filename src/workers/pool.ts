// A pool of workers on this machine. Jobs wait in one queue, a free worker gets the next one, and a dead worker is
// replaced. Jobs are plain data; the pool does not know what they compute.

import { Failure } from '../failure.ts';
import { speaksOfMemory } from '../out-of-memory.ts';
import { duration } from '../words.ts';
import type { JobOutcome, JobRunner, RunOptions } from './job-runner.ts';
import type { FromWorker, JobFailure, ToWorker } from './messages.ts';
import { type WorkerEnd, WorkerProcess } from './worker.ts';

export interface PoolOptions {
  /** Maximum number of processes; they start when there is work for them. */
  workers: number;
  /** A module that exports `start(setup)` (messages.ts). */
  evaluator: URL;
  /** The first argument of `start` in every process: plain data that is valid on every machine. */
  setup: unknown;
  /** The second argument of `start`: plain data of this machine, such as paths. */
  resources?: unknown;
  /** Threads of the numeric libraries in each process. */
  threads?: number;
  silence?: SilenceLimits;
  time?: TimeLimits;
  /** Milliseconds for an aborted job to end before its process is killed. Default: a second. */
  toGiveUp?: number;
}

/**
 * How long a worker with a job may be silent before it is considered hung and replaced. A worker sends a heartbeat
 * every two seconds, or when a computation of its main thread ends; the longest pause so far is an estimate of how long
 * those take.
 */
export interface SilenceLimits {
  /** Limit in seconds before any job has ended. */
  first: number;
  /** Limit in seconds after that: at least this … */
  least: number;
  /** … and this many times the longest pause seen. */
  times: number;
}

/**
 * How long an attempt at a job may take before it is ended, with or without heartbeats: a training that waits forever
 * for a disk still sends heartbeats. The limit follows from the prediction and the longest job so far.
 */
export interface TimeLimits {
  /** Limit in seconds if neither is known. */
  first: number;
  /** Limit in seconds otherwise: at least this … */
  least: number;
  /** … and this many times the longer of the two. */
  times: number;
}

/** Twenty times, since predictions start from another machine's law and other programs may use this machine. */
const defaultTime: TimeLimits = { first: 86_400, least: 600, times: 20 };

const defaultSilence: SilenceLimits = { first: 900, least: 120, times: 8 };

/** A worker of a pool: a worker process (worker.ts) or a command (command-worker.ts). */
export interface PoolWorker {
  readonly pid: number | undefined;
  send(message: ToWorker): void;
  /** Kills the worker. `kind` is the kind of failure that its job gets. */
  kill(reason?: string, kind?: string): void;
  /** Ends the worker, which is no longer needed. */
  stop(): void;
}

export interface WorkerHooks {
  onMessage: (message: FromWorker) => void;
  /** Called once, after its last message. */
  onEnd: (end: WorkerEnd) => void;
}

export interface JobPoolOptions {
  /** Maximum number of workers; they start when there is work for them. */
  workers: number;
  start: (hooks: WorkerHooks) => PoolWorker;
  /** The names of one worker and of all workers in messages. */
  words: { one: string; all: string };
  /** Undefined: no limit. */
  silence: SilenceLimits | undefined;
  /** Undefined: no limit, or the worker enforces it. */
  time: TimeLimits | undefined;
  /** Time for a new worker to be ready, and for an aborted job to end before its worker is killed. */
  milliseconds: { toStart: number; toGiveUp: number };
}

interface Job {
  id: number;
  job: unknown;
  options: RunOptions;
  attempts: number;
  startedAt: number;
  resolve: (outcome: JobOutcome) => void;
  reject: (reason: unknown) => void;
  settled: boolean;
}

interface Slot {
  /** 1, 2 …: the worker's name; one that replaces a dead worker takes its number. */
  number: number;
  worker: PoolWorker;
  ready: boolean;
  job: Job | undefined;
  startTimer: NodeJS.Timeout;
  /** When the last message of a worker with a job came. */
  lastMessageAt: number;
  /** Milliseconds spent on the job, without the time in which this process was suspended. */
  spent: number;
  ended: Promise<void>;
}

const millisecondsToStart = 180_000; // loading libtorch from a cold disk takes up to 47 s
const millisecondsToGiveUp = 1000; // for an aborted job to end before its process is killed
const attemptsPerJob = 2;
const failedStartsAtMost = 3;
const linesShown = 10;
const millisecondsBetweenChecks = 1000; // for hung workers
const millisecondsLate = 3000; // a check that is later means that this process was suspended

/** Gives jobs to workers of any kind, watches the workers and replaces them. */
export class JobPool implements JobRunner {
  readonly #options: JobPoolOptions;
  readonly #queue: Job[] = [];
  readonly #slots = new Set<Slot>();
  #nextId = 0;
  #failedStarts = 0;
  readonly #checks: NodeJS.Timeout;
  #checkedAt = performance.now();
  #anyEnded = false;
  /** Longest time in seconds between two messages of a worker with a job. */
  #longestPause = 0;
  /** Longest attempt in seconds that had an outcome. */
  #longestJob = 0;
  #broken: Error | undefined;
  #paused = false;

  constructor(options: JobPoolOptions) {
    this.#options = options;
    this.#checks = setInterval(() => this.#check(), millisecondsBetweenChecks).unref();
  }

  /** Process ids of the live workers. */
  get pids(): number[] {
    return [...this.#slots].flatMap((slot) => slot.worker.pid ?? []);
  }

  /**
   * Runs a job (plain data) in a worker. An error of the evaluator and the second death of the job's worker resolve as
   * a failure. Rejects with the signal's reason when aborted, and with a Failure if workers cannot start at all.
   */
  run(job: unknown, options: RunOptions = {}): Promise<JobOutcome> {
    const { signal } = options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#broken) return Promise.reject(this.#broken);
    const { promise, resolve, reject } = Promise.withResolvers<JobOutcome>();
    const entry: Job = { id: this.#nextId++, job, options, attempts: 0, startedAt: 0, resolve, reject, settled: false };
    if (signal) {
      const abort = () => this.#abort(entry);
      signal.addEventListener('abort', abort, { once: true });
      promise.catch(() => {}).finally(() => signal.removeEventListener('abort', abort));
    }
    this.#queue.push(entry);
    this.#feed();
    return promise;
  }

  /** Ends all workers immediately; jobs that are not done reject. */
  async close(): Promise<void> {
    this.#break(new Error('the worker pool is closed'));
    await Promise.all([...this.#slots].map((slot) => slot.ended));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  pause(paused: boolean): void {
    this.#paused = paused;
    this.#feed();
  }

  #feed(): void {
    if (this.#paused) return;
    for (const slot of this.#slots) {
      if (this.#queue.length === 0) return;
      if (slot.ready && !slot.job) this.#give(this.#queue.shift()!, slot);
    }
    const starting = [...this.#slots].filter((slot) => !slot.ready).length;
    const wanted = Math.min(this.#queue.length - starting, this.#options.workers - this.#slots.size);
    for (let count = 0; count < wanted; count++) this.#startWorker();
  }

  #give(job: Job, slot: Slot): void {
    slot.job = job;
    job.attempts++;
    job.startedAt = performance.now();
    slot.worker.send({ kind: 'job', id: job.id, job: job.job });
    slot.lastMessageAt = performance.now();
    slot.spent = 0;
    job.options.onStart?.(String(slot.number));
  }

  #freeNumber(): number {
    const taken = new Set([...this.#slots].map(({ number }) => number));
    let number = 1;
    while (taken.has(number)) number++;
    return number;
  }

  #startWorker(): void {
    const { promise: ended, resolve: finish } = Promise.withResolvers<void>();
    const worker = this.#options.start({
      onMessage: (message) => this.#receive(message, slot),
      onEnd: (end) => {
        this.#remove(slot, end);
        finish();
      },
    });
    const startTimer = setTimeout(() => worker.kill(this.#slowStart()), this.#options.milliseconds.toStart);
    const slot: Slot = {
      number: this.#freeNumber(),
      worker,
      ready: false,
      job: undefined,
      startTimer,
      lastMessageAt: 0,
      spent: 0,
      ended,
    };
    this.#slots.add(slot);
  }

  #receive(message: FromWorker, slot: Slot): void {
    if (message.kind === 'setup-failed') {
      this.#break(this.#cannotStart(message.failure.message));
    } else if (message.kind === 'ready') {
      clearTimeout(slot.startTimer);
      slot.ready = true;
      this.#failedStarts = 0;
      this.#feed();
    } else {
      this.#recordMessage(slot);
      if (message.kind !== 'alive' && slot.job?.id === message.id) this.#receiveForJob(message, slot.job, slot);
    }
  }

  /** Records that a worker with a job has sent a message. */
  #recordMessage(slot: Slot): void {
    if (!slot.job) return;
    const pause = (performance.now() - slot.lastMessageAt) / 1000;
    if (!this.#isLate(performance.now())) this.#longestPause = Math.max(this.#longestPause, pause);
    slot.lastMessageAt = performance.now();
  }

  /** Whether this process was suspended, so that the silence of its workers has no meaning. */
  #isLate(now: number): boolean {
    return now - this.#checkedAt > millisecondsBetweenChecks + millisecondsLate;
  }

  /** Checks the limits of all workers; called once a second. */
  #check(): void {
    const now = performance.now();
    const late = this.#isLate(now);
    const elapsed = now - this.#checkedAt;
    this.#checkedAt = now;
    for (const slot of this.#slots) if (slot.job && !late) this.#countTime(slot, slot.job, elapsed);
    this.#checkSilence(now, late);
  }

  /** Kills a worker whose job takes too long. */
  #countTime(slot: Slot, { options: { predicted } }: Job, elapsed: number): void {
    slot.spent += elapsed;
    if (!this.#options.time) return;
    const { first, least, times } = this.#options.time;
    const known = Math.max(predicted ?? 0, this.#longestJob);
    const limit = known > 0 ? Math.max(least, times * known) : first;
    if (slot.spent <= 1000 * limit) return;
    const than = predicted === undefined ? '' : `, of which ${duration(predicted)} were predicted`;
    slot.worker.kill(`took longer than ${duration(limit)}${than}, and was ended`, 'timeout');
  }

  /** Kills workers that are silent for too long. */
  #checkSilence(now: number, late: boolean): void {
    if (!this.#options.silence) return;
    const { first, least, times } = this.#options.silence;
    const limit = this.#anyEnded ? Math.max(least, times * this.#longestPause) : first;
    for (const slot of this.#slots) {
      if (!slot.job) continue;
      if (late)
        slot.lastMessageAt = now; // heartbeats may wait to be read
      else if (now - slot.lastMessageAt > 1000 * limit)
        slot.worker.kill(`sent no message for ${Math.round(limit)} s and was ended as hung`);
    }
  }

  #receiveForJob(
    message: Exclude<FromWorker, { kind: 'ready' | 'setup-failed' | 'alive' }>,
    job: Job,
    slot: Slot,
  ): void {
    if (message.kind === 'message') {
      if (!job.settled) job.options.onMessage?.(message.message);
      return;
    }
    slot.job = undefined;
    this.#anyEnded = true;
    this.#longestJob = Math.max(this.#longestJob, slot.spent / 1000);
    if (message.kind === 'result') this.#settle(job, { result: message.result });
    else this.#settle(job, { failure: message.failure });
    this.#feed();
  }

  #settle(job: Job, outcome: { result: unknown } | { failure: JobFailure }): void {
    if (job.settled) return;
    job.settled = true;
    job.resolve({ ...outcome, seconds: (performance.now() - job.startedAt) / 1000 });
  }

  #reject(job: Job, reason: unknown): void {
    if (job.settled) return;
    job.settled = true;
    job.reject(reason);
  }

  #abort(job: Job): void {
    if (job.settled) return;
    this.#reject(job, job.options.signal!.reason);
    const place = this.#queue.indexOf(job);
    if (place !== -1) this.#queue.splice(place, 1);
    const slot = [...this.#slots].find((candidate) => candidate.job === job);
    if (!slot) return;
    slot.worker.send({ kind: 'abort', id: job.id });
    setTimeout(() => {
      if (slot.job === job) slot.worker.kill();
    }, this.#options.milliseconds.toGiveUp).unref();
  }

  /** Removes a worker that has ended. Its job returns to the head of the queue once, then fails. */
  #remove(slot: Slot, end: WorkerEnd): void {
    clearTimeout(slot.startTimer);
    this.#slots.delete(slot);
    if (this.#broken) return;
    if (!slot.ready && ++this.#failedStarts >= failedStartsAtMost) {
      this.#break(this.#cannotStart(this.#describe(end)));
      return;
    }
    if (slot.job && !slot.job.settled) this.#retryOrFail(slot.job, end);
    this.#feed();
  }

  #retryOrFail(job: Job, end: WorkerEnd): void {
    if (job.attempts < attemptsPerJob) {
      this.#queue.unshift(job);
      job.options.onRetry?.(this.#describe(end));
    } else {
      this.#settle(job, { failure: { kind: failureKind(end), message: this.#describe(end) } });
    }
  }

  /** Ends the pool: it is closed, or its workers cannot start. */
  #break(reason: Error): void {
    this.#broken ??= reason;
    clearInterval(this.#checks);
    for (const job of this.#queue.splice(0)) this.#reject(job, this.#broken);
    for (const slot of this.#slots) {
      if (slot.job) this.#reject(slot.job, this.#broken);
      slot.worker.stop();
    }
  }

  #cannotStart(why: string): Failure {
    return new Failure(`${this.#options.words.all} cannot start: ${why}`);
  }

  #describe(end: WorkerEnd): string {
    return describeEnd(end, this.#options.words.one);
  }

  #slowStart(): string {
    return `was not ready after ${Math.round(this.#options.milliseconds.toStart / 1000)} s and was ended`;
  }
}

/** A pool of nasnet's own worker processes on this machine. */
export class WorkerPool extends JobPool {
  constructor(options: PoolOptions) {
    const { workers, evaluator, setup, resources, threads = 1, toGiveUp = millisecondsToGiveUp } = options;
    const { silence = defaultSilence, time = defaultTime } = options;
    super({
      workers,
      start: (hooks) => new WorkerProcess({ evaluator, setup, resources, threads, ...hooks }),
      words: { one: 'the worker process', all: 'the worker processes' },
      silence,
      time,
      milliseconds: { toStart: millisecondsToStart, toGiveUp },
    });
  }
}

function failureKind(end: WorkerEnd): string {
  if (end.reason !== undefined) return end.kind ?? 'timeout';
  return diedOfMemory(end) ? 'out-of-memory' : 'crash';
}

/**
 * Whether a worker ran out of memory: the kernel kills processes to free memory, V8 writes a message before it aborts.
 */
function diedOfMemory({ signal, lines }: WorkerEnd): boolean {
  return signal === 'SIGKILL' || lines.some(speaksOfMemory);
}

function describeEnd(end: WorkerEnd, one: string): string {
  const { code, signal, reason, lines } = end;
  let words = `${one} ended with exit code ${code}`;
  if (reason !== undefined) words = `${one} ${reason}`;
  else if (signal === 'SIGKILL')
    words = `${one} was killed (SIGKILL), most likely because the machine ran out of memory`;
  else if (signal) words = `${one} was ended by ${signal}`;
  else if (code === null) words = `${one} could not be started`;
  const last = lines.filter((line) => line.trim() !== '').slice(-linesShown);
  return last.length === 0 ? words : `${words}; its last lines: ${last.join(' | ')}`;
}

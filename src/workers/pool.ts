// A pool of workers on this machine: jobs wait in one queue, a worker gets the next one the moment it is free, a
// dead worker is replaced. It knows jobs as plain data and nothing of what they compute.

import { Failure } from '../failure.ts';
import { speaksOfMemory } from '../out-of-memory.ts';
import { duration } from '../words.ts';
import type { JobOutcome, JobRunner, RunOptions } from './job-runner.ts';
import type { FromWorker, JobFailure, ToWorker } from './messages.ts';
import { type WorkerEnd, WorkerProcess } from './worker.ts';

export interface PoolOptions {
  /** How many processes at most; they start when there is work for them. */
  workers: number;
  /** A module that exports `start(setup)` (messages.ts). */
  evaluator: URL;
  /** Given to `start` in every process: plain data that means the same on every machine. */
  setup: unknown;
  /** Also given to it: plain data of this machine, such as paths. */
  resources?: unknown;
  /** Threads of the numeric libraries in each process. */
  threads?: number;
  silence?: SilenceLimits;
  time?: TimeLimits;
}

/**
 * How long a worker with a job may say nothing before it is taken for hung and replaced. A working one gives a sign every two seconds, or when
 * a computation of its main thread ends; the longest pause of the jobs so far tells how long those are.
 */
export interface SilenceLimits {
  /** Seconds, before any job has ended. */
  first: number;
  /** Seconds, later: at least … */
  least: number;
  /** … and this many times the longest pause seen. */
  times: number;
}

/**
 * How long an attempt at a job may take, signs or not, before it is ended: a training that waits for ever for a disk still gives signs. The
 * prediction and the longest job so far tell how long jobs are.
 */
export interface TimeLimits {
  /** Seconds, where neither is known. */
  first: number;
  /** Seconds, else: at least … */
  least: number;
  /** … and this many times the longer of the two. */
  times: number;
}

/** Predictions start from another machine's law, and others may use this one: twenty times leaves room for both. */
const defaultTime: TimeLimits = { first: 86_400, least: 600, times: 20 };

const defaultSilence: SilenceLimits = { first: 900, least: 120, times: 8 };

/** A worker as its pool sees it, whatever it is: one of our own processes (worker.ts) or a command (command-worker.ts). */
export interface PoolWorker {
  readonly pid: number | undefined;
  send(message: ToWorker): void;
  /** Ends it at once. `kind`: the class of failure that its job then has. */
  kill(reason?: string, kind?: string): void;
  /** Ends it because nobody needs it any more. */
  stop(): void;
}

export interface WorkerHooks {
  onMessage: (message: FromWorker) => void;
  /** Called once, after its last message. */
  onEnd: (end: WorkerEnd) => void;
}

export interface JobPoolOptions {
  /** How many workers at most; they start when there is work for them. */
  workers: number;
  start: (hooks: WorkerHooks) => PoolWorker;
  /** What one of them is called in sentences, and what all of them are. */
  words: { one: string; all: string };
  /** Undefined: a worker may be silent as long as it likes. */
  silence: SilenceLimits | undefined;
  /** Undefined: a job may take as long as it likes, or its worker sees to it. */
  time: TimeLimits | undefined;
  /** For a new worker to be ready, and for an aborted job to end by itself and spare its worker. */
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

interface Seat {
  worker: PoolWorker;
  ready: boolean;
  job: Job | undefined;
  startTimer: NodeJS.Timeout;
  /** Of a worker with a job: when it was last heard. */
  heardAt: number;
  /** Milliseconds of its job, without those in which this process was stopped itself. */
  spent: number;
  ended: Promise<void>;
}

const millisecondsToStart = 180_000; // the first load of libtorch from a cold disk takes up to 47 s
const millisecondsToGiveUp = 1000; // for an aborted job to end by itself and spare its process
const attemptsPerJob = 2;
const failedStartsAtMost = 3;
const linesShown = 10;
const millisecondsBetweenChecks = 1000; // for workers that hang
const millisecondsLate = 3000; // … after which this process itself must have been stopped, not its workers

/** Feeds, watches and replaces workers of any kind. */
export class JobPool implements JobRunner {
  readonly #options: JobPoolOptions;
  readonly #queue: Job[] = [];
  readonly #seats = new Set<Seat>();
  #nextId = 0;
  #failedStarts = 0;
  readonly #checks: NodeJS.Timeout;
  #checkedAt = performance.now();
  #anyEnded = false;
  /** Between two signs of a worker with a job, in seconds. */
  #longestPause = 0;
  /** An attempt that gave an outcome, in seconds. */
  #longestJob = 0;
  #broken: Error | undefined;

  constructor(options: JobPoolOptions) {
    this.#options = options;
    this.#checks = setInterval(() => this.#check(), millisecondsBetweenChecks).unref();
  }

  /** Process ids of the workers that live now. */
  get pids(): number[] {
    return [...this.#seats].flatMap((seat) => seat.worker.pid ?? []);
  }

  /**
   * Runs a job (plain data) in a worker. What the evaluator throws, and the second death of the job's worker, resolve as a
   * failure. Rejects with the signal's reason when aborted, and with a Failure when workers cannot be started at all.
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

  /** Ends all workers at once; jobs that are not done reject. */
  async close(): Promise<void> {
    this.#break(new Error('the worker pool is closed'));
    await Promise.all([...this.#seats].map((seat) => seat.ended));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #feed(): void {
    for (const seat of this.#seats) {
      if (this.#queue.length === 0) return;
      if (seat.ready && !seat.job) this.#give(this.#queue.shift()!, seat);
    }
    const starting = [...this.#seats].filter((seat) => !seat.ready).length;
    const wanted = Math.min(this.#queue.length - starting, this.#options.workers - this.#seats.size);
    for (let count = 0; count < wanted; count++) this.#startWorker();
  }

  #give(job: Job, seat: Seat): void {
    seat.job = job;
    job.attempts++;
    job.startedAt = performance.now();
    seat.worker.send({ kind: 'job', id: job.id, job: job.job });
    seat.heardAt = performance.now();
    seat.spent = 0;
    job.options.onStart?.();
  }

  #startWorker(): void {
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const worker = this.#options.start({
      onMessage: (message) => this.#hear(message, seat),
      onEnd: (how) => {
        this.#bury(seat, how);
        end();
      },
    });
    const startTimer = setTimeout(() => worker.kill(this.#slowStart()), this.#options.milliseconds.toStart);
    const seat: Seat = {
      worker,
      ready: false,
      job: undefined,
      startTimer,
      heardAt: 0,
      spent: 0,
      ended,
    };
    this.#seats.add(seat);
  }

  #hear(message: FromWorker, seat: Seat): void {
    if (message.kind === 'setup-failed') {
      this.#break(this.#cannotStart(message.failure.message));
    } else if (message.kind === 'ready') {
      clearTimeout(seat.startTimer);
      seat.ready = true;
      this.#failedStarts = 0;
      this.#feed();
    } else {
      this.#hearSign(seat);
      if (message.kind !== 'alive' && seat.job?.id === message.id) this.#hearOfJob(message, seat.job, seat);
    }
  }

  /** A worker with a job has said something. */
  #hearSign(seat: Seat): void {
    if (!seat.job) return;
    const pause = (performance.now() - seat.heardAt) / 1000;
    if (!this.#isLate(performance.now())) this.#longestPause = Math.max(this.#longestPause, pause);
    seat.heardAt = performance.now();
  }

  /** Whether this process was stopped itself, so that nothing can be said of how long others were silent. */
  #isLate(now: number): boolean {
    return now - this.#checkedAt > millisecondsBetweenChecks + millisecondsLate;
  }

  /** Called once a second. */
  #check(): void {
    const now = performance.now();
    const late = this.#isLate(now);
    const gone = now - this.#checkedAt;
    this.#checkedAt = now;
    for (const seat of this.#seats) if (seat.job && !late) this.#countTime(seat, seat.job, gone);
    this.#checkSilence(now, late);
  }

  /** Ends a worker whose job takes too long. */
  #countTime(seat: Seat, { options: { predicted } }: Job, gone: number): void {
    seat.spent += gone;
    if (!this.#options.time) return;
    const { first, least, times } = this.#options.time;
    const known = Math.max(predicted ?? 0, this.#longestJob);
    const limit = known > 0 ? Math.max(least, times * known) : first;
    if (seat.spent <= 1000 * limit) return;
    const than = predicted === undefined ? '' : `, of which ${duration(predicted)} were predicted`;
    seat.worker.kill(`took longer than ${duration(limit)}${than}, and was ended`, 'timeout');
  }

  /** Ends workers that have said nothing for too long. */
  #checkSilence(now: number, late: boolean): void {
    if (!this.#options.silence) return;
    const { first, least, times } = this.#options.silence;
    const limit = this.#anyEnded ? Math.max(least, times * this.#longestPause) : first;
    for (const seat of this.#seats) {
      if (!seat.job) continue;
      if (late)
        seat.heardAt = now; // signs may wait to be read
      else if (now - seat.heardAt > 1000 * limit)
        seat.worker.kill(`said nothing for ${Math.round(limit)} s, so it was taken for hung and ended`);
    }
  }

  #hearOfJob(message: Exclude<FromWorker, { kind: 'ready' | 'setup-failed' | 'alive' }>, job: Job, seat: Seat): void {
    if (message.kind === 'message') {
      if (!job.settled) job.options.onMessage?.(message.message);
      return;
    }
    seat.job = undefined;
    this.#anyEnded = true;
    this.#longestJob = Math.max(this.#longestJob, seat.spent / 1000);
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
    const seat = [...this.#seats].find((candidate) => candidate.job === job);
    if (!seat) return;
    seat.worker.send({ kind: 'abort', id: job.id });
    setTimeout(() => {
      if (seat.job === job) seat.worker.kill();
    }, this.#options.milliseconds.toGiveUp).unref();
  }

  /** A worker process has ended: its job goes back to the head of the queue once, then fails. */
  #bury(seat: Seat, end: WorkerEnd): void {
    clearTimeout(seat.startTimer);
    this.#seats.delete(seat);
    if (this.#broken) return;
    if (!seat.ready && ++this.#failedStarts >= failedStartsAtMost) {
      this.#break(this.#cannotStart(this.#describe(end)));
      return;
    }
    if (seat.job && !seat.job.settled) this.#retryOrFail(seat.job, end);
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

  /** Nothing runs any more: the pool is closed, or its workers cannot start. */
  #break(reason: Error): void {
    this.#broken ??= reason;
    clearInterval(this.#checks);
    for (const job of this.#queue.splice(0)) this.#reject(job, this.#broken);
    for (const seat of this.#seats) {
      if (seat.job) this.#reject(seat.job, this.#broken);
      seat.worker.stop();
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

/** Worker processes of our own, on this machine. */
export class WorkerPool extends JobPool {
  constructor(options: PoolOptions) {
    const { workers, evaluator, setup, resources, threads = 1 } = options;
    const { silence = defaultSilence, time = defaultTime } = options;
    super({
      workers,
      start: (hooks) => new WorkerProcess({ evaluator, setup, resources, threads, ...hooks }),
      words: { one: 'the worker process', all: 'the worker processes' },
      silence,
      time,
      milliseconds: { toStart: millisecondsToStart, toGiveUp: millisecondsToGiveUp },
    });
  }
}

function failureKind(end: WorkerEnd): string {
  if (end.reason !== undefined) return end.kind ?? 'timeout';
  return diedOfMemory(end) ? 'out-of-memory' : 'crash';
}

/** Killed from outside is the kernel's way to free memory; V8 says so itself before it aborts. */
function diedOfMemory({ signal, lines }: WorkerEnd): boolean {
  return signal === 'SIGKILL' || lines.some(speaksOfMemory);
}

function describeEnd(end: WorkerEnd, one: string): string {
  const { code, signal, reason, lines } = end;
  let how = `${one} ended with exit code ${code}`;
  if (reason !== undefined) how = `${one} ${reason}`;
  else if (signal === 'SIGKILL') how = `${one} was killed (SIGKILL), most likely because the machine ran out of memory`;
  else if (signal) how = `${one} was ended by ${signal}`;
  else if (code === null) how = `${one} could not be started`;
  const last = lines.filter((line) => line.trim() !== '').slice(-linesShown);
  return last.length === 0 ? how : `${how}; its last lines: ${last.join(' | ')}`;
}

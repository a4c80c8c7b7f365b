// A job runner whose jobs are done by workers of a queue, on any machine.

import { randomUUID } from 'node:crypto';
import { contentIdentity } from '../content-identity.ts';
import type { JobOutcome, JobRunner, RunOptions } from '../workers/job-runner.ts';
import { unlessAborted } from '../workers/unless-aborted.ts';
import { protocol } from './queue-settings.ts';
import type { SearchQueue } from './search-queue.ts';

export interface QueueRunnerOptions {
  queue: SearchQueue;
  setup: unknown;
  /** Identity of the setup. */
  identity: string;
  threads: 'one' | 'all';
  /** Whether jobs that run go on when they are aborted here, so that a search that is resumed finds their results. */
  leave: boolean;
}

export class QueueRunner implements JobRunner {
  readonly #options: QueueRunnerOptions;
  readonly #ready: Promise<void>;
  readonly #closing = new AbortController();

  constructor(options: QueueRunnerOptions) {
    this.#options = options;
    this.#ready = options.queue.addSetup(options.identity, options.setup);
    this.#ready.catch(() => {}); // told by run()
  }

  async run(job: unknown, options: RunOptions = {}): Promise<JobOutcome> {
    const { queue, identity, threads, leave } = this.#options;
    const { key, predicted, predictedOn, signal: own } = options;
    const signal = AbortSignal.any([this.#closing.signal, ...(own ? [own] : [])]);
    signal.throwIfAborted();
    const times = { ...(predicted !== undefined && { predicted }), ...(predictedOn && { predictedOn }) };
    const data = { protocol, setup: identity, threads, ...times, job };
    const send = async () => {
      await this.#ready;
      return queue.run(data, { ...options, signal, leave, id: jobId(key, identity, job) });
    };
    return unlessAborted(send(), signal); // the server may be away
  }

  pause(paused: boolean): void {
    void this.#options.queue.pause(paused).catch(() => {}); // the server is away: it learns of it when it is back
  }

  /** Jobs that are not done reject. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('the queue is closed'));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Returns the id of a job: the same in each process of a search, so that a job is found again that an earlier process
 * has sent, and another one if the study has changed.
 */
function jobId(key: string | undefined, setup: string, job: unknown): string {
  if (key === undefined) return `job-${randomUUID()}`;
  return `${key}-${contentIdentity([protocol, setup, job]).slice(0, 16)}`;
}

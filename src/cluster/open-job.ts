// A job of a search that has no outcome yet, on the search's side. Its events may come twice, late or not at all; the
// caller hears each once and in order.

import type { JobOutcome, RunOptions } from '../workers/job-runner.ts';
import type { Entry, Progress, QueuedJob, Returned } from './queue-messages.ts';

export class OpenJob {
  readonly id: string;
  readonly lane: string;
  readonly data: QueuedJob;
  readonly options: RunOptions;
  readonly outcome: Promise<JobOutcome>;
  #resolve!: (outcome: JobOutcome) => void;
  #reject!: (reason: unknown) => void;
  #attempt: string | undefined;
  /** Whether the caller knows that an attempt runs. */
  #running = false;
  #seen = 0;
  #settled = false;
  /** The host of the latest attempt. */
  lastHost: string | undefined;
  /** The latest message of any attempt. */
  lastMessage: unknown;

  constructor(id: string, lane: string, data: QueuedJob, options: RunOptions) {
    this.id = id;
    this.lane = lane;
    this.data = data;
    this.options = options;
    const { promise, resolve, reject } = Promise.withResolvers<JobOutcome>();
    this.outcome = promise;
    promise.catch(() => {}); // it may reject before run() waits for it
    this.#resolve = resolve;
    this.#reject = reject;
  }

  progress({ attempt, from, entries, live, givenBack }: Progress): void {
    if (this.#settled) return;
    if (givenBack) {
      if (attempt === this.#attempt) this.lost('its worker has stopped and gave it back');
      return;
    }
    this.#enter(attempt);
    if (from <= this.#seen) this.#tell(entries.slice(this.#seen - from)); // a gap is closed by the outcome
    if (live !== undefined) this.options.onMessage?.(live);
  }

  /** The worker is gone, or has given the job back. */
  lost(reason: string): void {
    if (this.#settled || !this.#running) return;
    this.#running = false;
    this.#attempt = undefined;
    this.options.onRetry?.(reason);
  }

  finish({ attempt, entries, outcome, seconds, kind: machine }: Returned, recorded: () => void): void {
    if (this.#settled) return;
    this.#enter(attempt);
    this.#tell(entries.slice(this.#seen));
    this.#settle({ ...outcome, seconds, machine, recorded });
  }

  fail(kind: string, message: string, recorded: () => void): void {
    if (!this.#settled) this.#settle({ failure: { kind, message }, seconds: 0, recorded });
  }

  reject(reason: unknown): void {
    this.#settled = true;
    this.#reject(reason);
  }

  #settle(outcome: JobOutcome): void {
    this.#settled = true;
    this.#resolve(outcome);
  }

  #enter(attempt: string): void {
    if (attempt === this.#attempt) return;
    if (this.#attempt !== undefined) this.lost('its worker was lost');
    this.#attempt = attempt;
    this.lastHost = attempt.split(' ')[0];
    this.#seen = 0;
  }

  /** A worker's name in the study: "2 on HOST". */
  #nameOf(worker: string | undefined): string | undefined {
    return worker === undefined ? this.lastHost : `${worker} on ${this.lastHost}`;
  }

  #tell(entries: readonly Entry[]): void {
    const { onStart, onRetry, onMessage } = this.options;
    this.#seen += entries.length;
    for (const entry of entries) {
      this.#running = entry.kind !== 'retry';
      if (entry.kind === 'start') onStart?.(this.#nameOf(entry.worker));
      else if (entry.kind === 'retry') onRetry?.(entry.reason);
      else {
        this.lastMessage = entry.message;
        onMessage?.(entry.message);
      }
    }
  }
}

// What whoever sends jobs asks of whoever runs them. The pool of worker processes (pool.ts) and the pool of evaluator commands
// (command-pool.ts) are two runners.

import type { JobFailure } from './messages.ts';

export interface RunOptions {
  /** Seconds that the job is predicted to take, where somebody knows: many times that end it. */
  predicted?: number | undefined;
  /** A worker has begun the job, perhaps for the second time. */
  onStart?: () => void;
  /** Its worker died and it waits for another one. */
  onRetry?: (reason: string) => void;
  onMessage?: (message: unknown) => void;
  signal?: AbortSignal;
}

/** `seconds` is what a worker spent on the attempt that gave the outcome. */
export type JobOutcome = { result: unknown; seconds: number } | { failure: JobFailure; seconds: number };

export interface JobRunner extends AsyncDisposable {
  /**
   * Runs a job (plain data). What goes wrong with the job resolves as a failure. Rejects with the signal's reason when aborted, and with a
   * Failure when jobs cannot be run at all.
   */
  run(job: unknown, options?: RunOptions): Promise<JobOutcome>;
  /** Ends all that runs; jobs that are not done reject. */
  close(): Promise<void>;
}

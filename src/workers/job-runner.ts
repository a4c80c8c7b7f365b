// The interface of job runners. The pool of worker processes (pool.ts) and the pool of evaluator commands
// (command-pool.ts) implement it.

import type { JobFailure } from './messages.ts';

export interface RunOptions {
  /** Predicted duration of the job in seconds, if known. A job that takes many times as long is ended. */
  predicted?: number | undefined;
  /** Called when a worker starts the job, perhaps for the second time, with the worker's name ("2") if known. */
  onStart?: (worker?: string) => void;
  /** Called when the job's worker has died and the job waits for another one. */
  onRetry?: (reason: string) => void;
  onMessage?: (message: unknown) => void;
  signal?: AbortSignal;
}

/** The outcome of a job. `seconds` is the duration of the attempt that produced it. */
export type JobOutcome = { result: unknown; seconds: number } | { failure: JobFailure; seconds: number };

export interface JobRunner extends AsyncDisposable {
  /**
   * Runs a job (plain data). An error of the job resolves as a failure. Rejects with the signal's reason when aborted,
   * and with a Failure if no job can be run at all.
   */
  run(job: unknown, options?: RunOptions): Promise<JobOutcome>;
  /** While paused, no job begins; running ones go on. Absent: the runner cannot wait. */
  pause?(paused: boolean): void;
  /** Ends all running jobs; jobs that are not done reject. */
  close(): Promise<void>;
}

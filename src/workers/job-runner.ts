// The interface of job runners. The pool of worker processes (pool.ts), the pool of evaluator commands
// (command-pool.ts) and the queue of other machines (cluster/queue-runner.ts) implement it.

import type { JobFailure } from './messages.ts';

export interface RunOptions {
  /**
   * Identifies the job within its search: `t7-r0`. A queue finds a job of an earlier process by it. Default: none, the
   * job is a new one.
   */
  key?: string | undefined;
  /** Whether the job goes before others that wait. Default: no. */
  next?: boolean | undefined;
  /** Predicted duration of the job in seconds, if known. A job that takes many times as long is ended. */
  predicted?: number | undefined;
  /** The same for kinds of machines whose time is known apart. */
  predictedOn?: Readonly<Record<string, number>> | undefined;
  /** Predicted memory of the job in bytes, if known. */
  memory?: number | undefined;
  /**
   * Called when a worker starts the job, perhaps for the second time, with the worker's name ("2", "2 on HOST") if it
   * is known.
   */
  onStart?: (worker?: string) => void;
  /** Called when the job's worker has died and the job waits for another one. */
  onRetry?: (reason: string) => void;
  onMessage?: (message: unknown) => void;
  signal?: AbortSignal;
}

/** The outcome of a job. `seconds` is the duration of the attempt that produced it. */
export type JobOutcome = ({ result: unknown } | { failure: JobFailure }) & {
  seconds: number;
  /** The kind of machine that did it, where there are several. */
  machine?: string;
  /** Called once the outcome is on disk, after which the runner need not keep it. */
  recorded?: () => void;
};

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

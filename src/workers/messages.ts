// The messages between a pool and its worker processes, and the interface of an evaluator module.

/** The failure of a job: its kind and one sentence. */
export interface JobFailure {
  kind: string;
  message: string;
}

/**
 * The kind of an error after which a process cannot run jobs any more. The worker ends, and a new worker gets its job.
 */
export const deviceLost = 'device-lost';

/** Runs one job in a worker. `report` sends messages during the job; the signal cancels it. */
export type EvaluateJob = (job: unknown, report: (message: unknown) => void, signal: AbortSignal) => Promise<unknown>;

/**
 * An evaluator module: `start` runs once in each worker process, with the pool's `setup` and its machine's `resources`.
 */
export interface Evaluator {
  start(setup: unknown, resources: unknown): Promise<EvaluateJob> | EvaluateJob;
}

export type ToWorker =
  | { kind: 'setup'; evaluator: string; setup: unknown; resources: unknown }
  | { kind: 'job'; id: number; job: unknown }
  | { kind: 'abort'; id: number };

export type FromWorker =
  | { kind: 'ready' }
  /** A heartbeat while a job runs, sent whenever the event loop runs between computations. */
  | { kind: 'alive' }
  | { kind: 'setup-failed'; failure: JobFailure }
  | { kind: 'message'; id: number; message: unknown }
  | { kind: 'result'; id: number; result: unknown }
  | { kind: 'failed'; id: number; failure: JobFailure };

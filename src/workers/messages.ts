// What a pool and its worker processes say to each other, and what an evaluator module must export.

/** Why a job has no result: a class and one sentence. */
export interface JobFailure {
  kind: string;
  message: string;
}

/** The kind of an error after which the process can do no job any more: a worker ends by it, and its job goes to a fresh one. */
export const deviceLost = 'device-lost';

/** Runs one job in a worker; `report` sends messages on the way; the signal says that nobody wants the result any more. */
export type EvaluateJob = (job: unknown, report: (message: unknown) => void, signal: AbortSignal) => Promise<unknown>;

/** An evaluator module: `start` runs once in each worker process, with the pool's `setup` and its machine's `resources`. */
export interface Evaluator {
  start(setup: unknown, resources: unknown): Promise<EvaluateJob> | EvaluateJob;
}

export type ToWorker =
  | { kind: 'setup'; evaluator: string; setup: unknown; resources: unknown }
  | { kind: 'job'; id: number; job: unknown }
  | { kind: 'abort'; id: number };

export type FromWorker =
  | { kind: 'ready' }
  /** Sent while a job runs, as often as its computation lets the process come to it. */
  | { kind: 'alive' }
  | { kind: 'setup-failed'; failure: JobFailure }
  | { kind: 'message'; id: number; message: unknown }
  | { kind: 'result'; id: number; result: unknown }
  | { kind: 'failed'; id: number; failure: JobFailure };

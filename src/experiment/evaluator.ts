// The interface of the search loop to evaluators of trials, and its implementation by a job runner.

import type { EpochReport, Reward, TrialFailure, TrialToEvaluate, WorkerResult } from '../study/outcome.ts';
import type { StartOfTraining } from '../study/training-table.ts';
import type { JobRunner, RunOptions } from '../workers/job-runner.ts';

export type Evaluation = (Reward | { failure: TrialFailure; seconds: number }) & {
  /** Called once the outcome is on disk. */
  recorded?: () => void;
};

/** Callbacks of an evaluation in progress. */
export interface EvaluationProgress {
  /** A worker has started. Without this call the trial counts as started when its outcome comes. */
  started(about?: StartOfTraining): void;
  /** The worker died and the trial waits for another one. */
  retried(reason: string): void;
  epoch(report: EpochReport): void;
  /** Aborted when the search stops: the evaluation must reject. */
  signal: AbortSignal;
}

/**
 * Evaluates one trial or another request. A trial that cannot be trained resolves with its failure; a rejection means
 * that nothing can be evaluated, and ends the search.
 */
export type Evaluate<Request = TrialToEvaluate> = (
  request: Request,
  progress: EvaluationProgress,
) => Promise<Evaluation>;

/** Whether a value is a reward, 0 to 1. */
export const isReward = (value: number): boolean => Number.isFinite(value) && value >= 0 && value <= 1;

/** A job as a runner gets it. */
export type JobHints = Pick<RunOptions, 'key' | 'next' | 'predicted' | 'predictedOn' | 'memory'>;

/** Evaluates requests as jobs of the runner. `jobOf` returns the job of a request (plain data). */
export function evaluateIn<Request = TrialToEvaluate>(
  runner: JobRunner,
  jobOf: (request: Request) => unknown,
  hintsOf?: (request: Request) => JobHints,
): Evaluate<Request> {
  return async (request, progress) => {
    const hints = hintsOf?.(request);
    const outcome = await runner.run(jobOf(request), {
      ...hints,
      onStart: (worker) => progress.started({ worker, predicted: hints?.predicted }),
      onRetry: (reason) => progress.retried(reason),
      onMessage: (message) => progress.epoch(message as EpochReport),
      signal: progress.signal,
    });
    if ('failure' in outcome) return outcome;
    const { reward, details } = outcome.result as WorkerResult;
    const { seconds, machine, recorded } = outcome;
    const where = machine !== undefined && typeof details === 'object' && { machine };
    return { reward, details: where ? { ...details, ...where } : details, seconds, ...(recorded && { recorded }) };
  };
}

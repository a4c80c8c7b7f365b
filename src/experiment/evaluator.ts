// What the run loop asks of whoever evaluates a trial, and a runner of jobs in that role.

import type { EpochReport, Reward, TrialFailure, TrialToEvaluate, WorkerResult } from '../study/outcome.ts';
import type { JobRunner } from '../workers/job-runner.ts';

export type Evaluation = Reward | { failure: TrialFailure; seconds: number };

/** What an evaluation tells on its way. */
export interface EvaluationProgress {
  /** A worker has begun. Without this call the trial counts as begun when its outcome comes. */
  started(): void;
  /** The worker died and the trial waits for another one. */
  retried(reason: string): void;
  epoch(report: EpochReport): void;
  /** Aborted when the search stops: give up and reject. */
  signal: AbortSignal;
}

/**
 * Evaluates one trial, or what else is asked. A trial that cannot be trained resolves with its failure; a rejection means that nothing can be
 * evaluated any more, and ends the search.
 */
export type Evaluate<Asked = TrialToEvaluate> = (asked: Asked, progress: EvaluationProgress) => Promise<Evaluation>;

/** Only a number from 0 to 1 is a reward. */
export const isReward = (value: number): boolean => Number.isFinite(value) && value >= 0 && value <= 1;

/** Evaluates as jobs of the runner; `jobOf` says what a worker must know of what is asked (plain data), `secondsOf` how long it is predicted to take. */
export function evaluateIn<Asked = TrialToEvaluate>(
  runner: JobRunner,
  jobOf: (asked: Asked) => unknown,
  secondsOf?: (asked: Asked) => number,
): Evaluate<Asked> {
  return async (asked, progress) => {
    const outcome = await runner.run(jobOf(asked), {
      onStart: () => progress.started(),
      onRetry: (reason) => progress.retried(reason),
      onMessage: (message) => progress.epoch(message as EpochReport),
      signal: progress.signal,
      predicted: secondsOf?.(asked),
    });
    if ('failure' in outcome) return outcome;
    const { reward, details } = outcome.result as WorkerResult;
    return { reward, details, seconds: outcome.seconds };
  };
}

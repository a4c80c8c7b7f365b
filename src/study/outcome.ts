// What is asked of a training, and what comes of it as plain data: that travels between processes and is stored.

import type { Accuracy } from '../train/evaluation.ts';
import type { Candidate } from './candidate.ts';

export interface TrialToEvaluate {
  number: number;
  candidate: Candidate;
  /** The rung of a ladder at which it is trained; absent: 0, the lowest. */
  rung?: number;
}

export interface Reward {
  /** Validation accuracy, 0 to 1. */
  reward: number;
  /** What a worker spent on it. */
  seconds: number;
  /** Anything else worth keeping, as JSON. */
  details?: unknown;
  /** The trial whose reward it takes, untrained, because its architecture is the same graph. */
  sameAs?: number;
}

/** What the evaluator module of a pool returns for a trial. Its messages are EpochReports. */
export interface WorkerResult {
  reward: number;
  details?: unknown;
}

/** Why a trial has no reward: a class ('not-a-number', 'out-of-memory', 'crash' …) and one sentence. */
export interface TrialFailure {
  kind: string;
  message: string;
}

/** One epoch of a child's training, as reported by its worker. */
export interface EpochReport {
  /** 1, 2 … */
  epoch: number;
  loss?: number;
  /** 0 to 1, on the held-out images. */
  accuracy?: number;
  imagesPerSecond?: number;
  /** Anything else worth keeping, as JSON. */
  details?: unknown;
}

/** What a result says beside the reward. */
export interface TrainingDetails {
  trainableParameters: number;
  multiplyAdds: number;
  /** On the validation images. */
  loss: number;
  trainingSeconds: number;
  /** With earlier trainings: whether it went on from the file of a paused network, or from all of them done again. */
  continued?: boolean;
  /** It went on from its own checkpoint, so the time it took is only a part. */
  resumed?: true;
  /** What was wrong with the files of paused networks and with checkpoints, a sentence each. */
  notes?: string[];
  /** Bytes that the worker held at most while it trained this one; absent in older studies. */
  peakMemory?: number;
  test?: Accuracy;
}

// The requests and outcomes of trainings: plain data, which is sent between processes and stored.

import type { Accuracy } from '../train/evaluation.ts';
import type { Candidate } from './candidate.ts';

export interface TrialToEvaluate {
  number: number;
  candidate: Candidate;
  /** The rung at which the trial is trained; absent: 0, the lowest. */
  rung?: number;
}

export interface Reward {
  /** Validation accuracy, 0 to 1. */
  reward: number;
  /** Duration in seconds. */
  seconds: number;
  /** Further data, as JSON. */
  details?: unknown;
  /** The trial whose reward is reused without training, since its architecture is the same graph. */
  sameAs?: number;
}

/** The result of a pool's evaluator for a trial. Its messages are EpochReports. */
export interface WorkerResult {
  reward: number;
  details?: unknown;
}

/** The failure of a trial: a kind ('not-a-number', 'out-of-memory', 'crash' …) and one sentence. */
export interface TrialFailure {
  kind: string;
  message: string;
}

/** One epoch of a child's training, as reported by its worker. */
export interface EpochReport {
  /** 1, 2 …; 2.4 after the last of 2.4 epochs, which a study stores as 3. */
  epoch: number;
  loss?: number;
  /** Validation accuracy, 0 to 1. */
  accuracy?: number;
  imagesPerSecond?: number;
  /** Further data, as JSON. */
  details?: unknown;
}

/** The details of a result. */
export interface TrainingDetails {
  trainableParameters: number;
  multiplyAdds: number;
  /** Loss on the validation images. */
  loss: number;
  trainingSeconds: number;
  /** After earlier trainings: whether it continued from the paused child's file (else they were repeated). */
  continued?: boolean;
  /** It resumed from a checkpoint; one of an earlier version does not say how long the training took before. */
  resumed?: true;
  /** Problems with paused children's files and checkpoints, a sentence each. */
  notes?: string[];
  /** Peak memory of the worker in this training in bytes; absent in older studies. */
  peakMemory?: number;
  /** Predicted milliseconds of the final network for one image on one thread, if the search limits them. */
  latency?: number;
  /** The kind of machine of a worker elsewhere. */
  machine?: string;
  /** Epochs of the whole training if its end was moved to keep a deadline. */
  scheduledEpochs?: number;
  test?: Accuracy;
  /** The best epoch by the held-out images, and the last one; only if the training keeps its model. */
  best?: HeldOutEpoch;
  last?: HeldOutEpoch;
  /** Which of the two is handed over and tested: the best with patience, else the last. */
  handedOver?: 'best' | 'last';
}

/** An epoch and its figures on the held-out images. */
export interface HeldOutEpoch {
  epoch: number;
  accuracy: number;
  balancedAccuracy: number;
  loss: number;
}

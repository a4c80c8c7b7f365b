// Types of the named results of a study: the final network, its latency, the machine, the prediction of the children's
// costs, and the decisions of its budget plan.

import type { Coefficients } from '../statistics/robust-fit.ts';
import type { Confusion } from '../train/evaluation.ts';
import type { EpochReport, HeldOutEpoch } from './outcome.ts';

/** Sizes and measures of one trained network. Accuracies 0 to 1, losses in nats, times in seconds. */
export interface FinalModel {
  /** The trial of its cells. */
  trial: number;
  trainableParameters: number;
  /** Multiply-adds of one image. */
  multiplyAdds: number;
  validationAccuracy: number;
  testAccuracy: number;
  testLoss: number;
  testImages: number;
  /** Share of the test images that are of the most frequent class. Absent in studies of 0.1.0. */
  largestClass?: number;
  /** Mean of the classes' test accuracies. This and the following absent in studies of earlier versions. */
  balancedAccuracy?: number;
  /** Test images of each class. */
  classImages?: number[];
  /** How many test images of a class were taken for another one, the most frequent first. */
  confusions?: Confusion[];
  /** The best epoch by the held-out images. */
  best?: HeldOutEpoch;
  /** Epochs of the whole training if its end was moved to keep the budget. */
  scheduledEpochs?: number;
  /** Test accuracy of each class, in the order of the dataset's classes; null without images. */
  classAccuracies: (number | null)[];
  trainingSeconds: number;
  trainingImagesPerSecond: number;
  /** File name of its weights, in the results folder. */
  weights: string;
  /** Its epochs in order. */
  epochs: EpochReport[];
}

export interface FinalLatency {
  trial: number;
  /** Milliseconds for one image on one thread, the fastest run. */
  milliseconds: number;
  /** The predicted milliseconds; the name is that of the stored field. */
  foretold: number;
  machine: string;
}

export interface Machine {
  processor: string;
  cores: number;
  /** GiB */
  memory: number;
  system: string;
  node: string;
  /** Device and precision: 'cuda:0, bfloat16'. Absent: float32 on the CPU. */
  device?: string;
}

/** The prediction as stored in a study under the name `prediction`. */
export interface PredictionRecord {
  /** The machine whose observations count; those before `since` do not count. */
  machine: string;
  workers: number;
  /** Milliseconds since 1970. */
  since: number;
  /** Whether the initial laws were measured on this machine (forecast/probe.ts); else they are the default. */
  measured: boolean;
  start: Laws;
  /** The initial laws, corrected by `children` finished children. */
  laws: Laws;
  children: number;
  error?: { seconds?: PredictionError; memory?: PredictionError };
  /** The seconds on each kind of machine, where workers of several machines train. */
  kinds?: Record<string, KindPrediction>;
}

/** The prediction of a training's seconds on one kind of machine. */
export interface KindPrediction {
  /** Coefficients as in Laws.seconds. */
  seconds: Coefficients;
  children: number;
  error?: PredictionError;
}

/** The decisions of a search with a budget so far. A resumed search does not change them. */
export interface BudgetDecisions {
  /** Number of trials that were asked for when the time for trials was over. */
  trials?: number;
  /** Number of finalists; 0: none. */
  finalists?: number;
  /**
   * The final training. `size` is 0 for the settings' `final`, 1 and more for the larger ones of the budget. `once` is
   * the seconds of its test, absent in older studies.
   */
  final?: { size: number; epochs: number; once?: number };
}

export interface Laws {
  /** Coefficients of the seconds of a training on one thread; terms as in trainingTerms. */
  seconds: Coefficients;
  /** Coefficients of the worker's peak memory in bytes; terms as in memoryTerms. */
  memory: Coefficients;
}

/** The median relative error of predictions that were made before the outcome, and their number. */
export interface PredictionError {
  median: number;
  of: number;
}

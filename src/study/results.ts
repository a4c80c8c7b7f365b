// Types of what a study keeps by name beside its trials: the network built from its best cell, how long that takes for one
// image, the machine, and the prediction of its children.

import type { Coefficients } from '../statistics/robust-fit.ts';
import type { EpochReport } from './outcome.ts';

/** Sizes and measures of one trained network. Accuracies 0 to 1, losses in nats, times in seconds. */
export interface FinalModel {
  /** The trial whose cells it is built from. */
  trial: number;
  trainableParameters: number;
  /** Of one image. */
  multiplyAdds: number;
  validationAccuracy: number;
  testAccuracy: number;
  testLoss: number;
  testImages: number;
  /** Share of the test images that are of the most frequent class. Absent in studies of 0.1.0. */
  largestClass?: number;
  /** Share of right answers on the test images of each class, in the order of the dataset's classes; null for one without images. */
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
  /** For one image on one thread: its fastest run. */
  milliseconds: number;
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
  /** Where and in how many bits networks were computed: 'cuda:0, bfloat16'. Absent for float32 on the processor. */
  device?: string;
}

/** What a study keeps of it, under the name `prediction`. */
export interface PredictionRecord {
  /** Whose observations count: those of another machine or other workers, before `since`, do not. */
  machine: string;
  workers: number;
  /** Milliseconds since 1970. */
  since: number;
  /** Whether the start was measured on this machine (forecast/probe.ts) or is what the code states. */
  measured: boolean;
  start: Laws;
  /** The start, corrected by `children` finished ones. */
  laws: Laws;
  children: number;
  error?: { seconds?: PredictionError; memory?: PredictionError };
}

export interface Laws {
  /** Of a training on one thread, terms as trainingTerms. */
  seconds: Coefficients;
  /** Of what its worker holds at most, in bytes; terms as memoryTerms. */
  memory: Coefficients;
}

/** How far predictions were off that were made before what they foretold: the median, relative, of so many. */
export interface PredictionError {
  median: number;
  of: number;
}

// The network built from a study's best cell, as the study remembers it: kept under one name in its results.

import type { EpochReport } from './log.ts';
import type { StudyRecords } from './records.ts';
import type { Study } from './study.ts';

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
  /** Share of right answers on the test images of each class, in the order of the dataset's classes; null for one without images. */
  classAccuracies: (number | null)[];
  trainingSeconds: number;
  trainingImagesPerSecond: number;
  /** File name of its weights, in the results folder. */
  weights: string;
  /** Its epochs in order. */
  epochs: EpochReport[];
}

const name = 'final model';

export function readFinalModel(study: StudyRecords): FinalModel | undefined {
  return study.result(name);
}

export function keepFinalModel(study: Study<object>, model: FinalModel): void {
  study.keep(name, model);
}

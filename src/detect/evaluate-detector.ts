// Evaluates a detector on a dataset as COCO does.

import type { Detection } from '../coco/box.ts';
import { type Evaluation, evaluateDetections } from '../coco/coco-evaluation.ts';
import { type TwelveNumbers, twelveNumbers } from '../coco/twelve-numbers.ts';
import type { DetectionDataset } from '../detection-data/detection-dataset.ts';
import { Failure, InputError } from '../failure.ts';
import type { Detector } from './detector.ts';
import { type FindOptions, findObjects } from './find-objects.ts';

export interface DetectorEvaluation {
  numbers: TwelveNumbers;
  evaluation: Evaluation;
  /** Categories and pictures are those of the dataset. */
  detections: Detection[];
  unreadable: string[];
  picturesPerSecond: number;
}

/**
 * Finds the objects of a dataset's pictures and compares them with the truth. Categories are matched by name.
 * @param names of the detector's categories
 * @throws InputError if no category is common, Failure if no picture can be read, the signal's reason if it is aborted
 */
export async function evaluateDetector(
  detector: Detector,
  names: readonly string[],
  dataset: DetectionDataset,
  options: FindOptions = {},
): Promise<DetectorEvaluation> {
  const places = new Map(dataset.categories.map(({ name }, place) => [name, place]));
  const placeOf = names.map((name) => places.get(name));
  if (placeOf.every((place) => place === undefined)) {
    const some = (all: readonly string[]) => all.slice(0, 3).join(', ');
    const got = some(dataset.categories.map(({ name }) => name));
    throw new InputError(`categories: expected some of the detector's (${some(names)} …), got ${got} …`);
  }
  const began = performance.now();
  let resumedAt = 0;
  const found = await findObjects(
    detector,
    dataset.pictures.map(({ path }) => path),
    {
      ...options,
      onResume: (done) => {
        resumedAt = done;
        options.onResume?.(done);
      },
    },
  );
  const read = dataset.pictures.length - found.unreadable.length;
  if (read === 0)
    throw new Failure(`none of the ${dataset.pictures.length} pictures could be read: ${found.unreadable[0]}`);
  const detections = found.detections.flatMap((detection) => {
    const category = placeOf[detection.category];
    return category === undefined ? [] : [{ ...detection, category }];
  });
  const evaluation = evaluateDetections(dataset, detections);
  return {
    numbers: twelveNumbers(evaluation),
    evaluation,
    detections,
    unreadable: found.unreadable,
    picturesPerSecond: (1000 * (dataset.pictures.length - resumedAt)) / (performance.now() - began),
  };
}

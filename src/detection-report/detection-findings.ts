// What an evaluation of detections found, as plain data: the twelve numbers, a row and curves for each class, the
// score at which a detector would be used, and the pictures with most errors.

import type { Detection, TruthBox } from '../coco/box.ts';
import type { Evaluation } from '../coco/coco-evaluation.ts';
import { areaRanges, recallPoints, thresholds } from '../coco/coco-settings.ts';
import { averagePrecision, averageRecall, type TwelveNumbers, twelveNumbers } from '../coco/twelve-numbers.ts';
import { type PictureErrors, pictureErrors, type WorkingPoint, workingPoint } from '../coco/working-point.ts';
import type { Category } from '../detection-data/detection-dataset.ts';

/** The evaluated pictures, in the order of the evaluation. Sizes are of the view that boxes are given in. */
export interface EvaluatedDataset {
  categories: readonly Category[];
  pictures: readonly EvaluatedPicture[];
}

export interface EvaluatedPicture {
  name: string;
  path?: string | undefined;
  width?: number | undefined;
  height?: number | undefined;
  boxes: readonly TruthBox[];
}

export interface ClassFinding {
  id: number;
  name: string;
  /** Objects that count: all but crowds. */
  objects: number;
  detections: number;
  /** Shares; -1 without objects. */
  AP: number;
  AP50: number;
  AP75: number;
  AR100: number;
}

/** Precision at each of the 101 recall points. */
export interface Curve {
  label: string;
  precisions: number[];
}

export interface DetectionFindings {
  numbers: TwelveNumbers;
  pictures: number;
  objects: number;
  crowds: number;
  detections: number;
  classes: ClassFinding[];
  /** Means over the classes that have objects. */
  curves: Curve[];
  workingPoint: WorkingPoint;
  /** Pictures with errors at that score, those with most first. */
  errors: PictureErrors[];
}

/** Summarises an evaluation. */
export function detectionFindings(
  { categories, pictures }: EvaluatedDataset,
  detections: readonly Detection[],
  evaluation: Evaluation,
): DetectionFindings {
  const counts = new Map<number, number>();
  for (const { category } of detections) counts.set(category, (counts.get(category) ?? 0) + 1);
  const classes = categories.map(
    ({ id, name }, category): ClassFinding => ({
      ...{ id, name },
      objects: evaluation.objects[category * areaRanges.length]!,
      detections: counts.get(category) ?? 0,
      AP: averagePrecision(evaluation, { category }),
      AP50: averagePrecision(evaluation, { category, threshold: 0.5 }),
      AP75: averagePrecision(evaluation, { category, threshold: 0.75 }),
      AR100: averageRecall(evaluation, 100, { category }),
    }),
  );
  const point = workingPoint(detections, evaluation);
  const boxes = pictures.reduce((sum, picture) => sum + picture.boxes.length, 0);
  const objects = classes.reduce((sum, each) => sum + each.objects, 0);
  return {
    numbers: twelveNumbers(evaluation),
    pictures: pictures.length,
    objects,
    crowds: boxes - objects,
    detections: detections.length,
    classes,
    curves: meanCurves(classes, evaluation),
    workingPoint: point,
    errors: pictureErrors({ categories, pictures }, detections, evaluation, point.score),
  };
}

/** Returns the precisions of one class at one threshold, [recall points]. */
export function classCurve({ precision, objects }: Evaluation, category: number, level: number): number[] {
  const cell = (level * (objects.length / areaRanges.length) + category) * areaRanges.length;
  return Array.from(precision.subarray(cell * recallPoints.length, (cell + 1) * recallPoints.length));
}

function meanCurves(classes: readonly ClassFinding[], evaluation: Evaluation): Curve[] {
  const present = [...classes.keys()].filter((category) => classes[category]!.objects > 0);
  if (present.length === 0) return [];
  const meanOf = (levels: readonly number[]) => {
    const curves = present.flatMap((category) => levels.map((level) => classCurve(evaluation, category, level)));
    return recallPoints.map((_, point) => curves.reduce((sum, curve) => sum + curve[point]!, 0) / curves.length);
  };
  return [
    { label: 'IoU 0.50', precisions: meanOf([0]) },
    { label: 'IoU 0.75', precisions: meanOf([5]) },
    { label: 'mean of 0.50 to 0.95', precisions: meanOf([...thresholds.keys()]) },
  ];
}

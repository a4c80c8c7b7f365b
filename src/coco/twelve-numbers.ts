// COCO's twelve numbers, and the average precision of each category.

import type { Evaluation } from './coco-evaluation.ts';
import { areaRanges, limits, recallPoints, thresholds } from './coco-settings.ts';

export const numberNames = [
  ...(['AP', 'AP50', 'AP75', 'APs', 'APm', 'APl'] as const),
  ...(['AR1', 'AR10', 'AR100', 'ARs', 'ARm', 'ARl'] as const),
] as const;
export type TwelveNumbers = Record<(typeof numberNames)[number], number>;

/** The averaged values: all thresholds and categories unless one is named. */
interface Selection {
  threshold?: number;
  category?: number;
  range?: (typeof areaRanges)[number]['name'];
}

/** Returns shares from 0 to 1; -1 where no object counts, as pycocotools does. */
export function twelveNumbers(evaluation: Evaluation): TwelveNumbers {
  return {
    AP: averagePrecision(evaluation),
    AP50: averagePrecision(evaluation, { threshold: 0.5 }),
    AP75: averagePrecision(evaluation, { threshold: 0.75 }),
    APs: averagePrecision(evaluation, { range: 'small' }),
    APm: averagePrecision(evaluation, { range: 'medium' }),
    APl: averagePrecision(evaluation, { range: 'large' }),
    AR1: averageRecall(evaluation, 1),
    AR10: averageRecall(evaluation, 10),
    AR100: averageRecall(evaluation, 100),
    ARs: averageRecall(evaluation, 100, { range: 'small' }),
    ARm: averageRecall(evaluation, 100, { range: 'medium' }),
    ARl: averageRecall(evaluation, 100, { range: 'large' }),
  };
}

/** Returns the mean precision over recall points, thresholds and categories; -1 where no object counts. */
export function averagePrecision({ precision, objects }: Evaluation, selection: Selection = {}): number {
  return meanOfCells(selection, objects, (cell, add) => {
    for (let point = 0; point < recallPoints.length; point++) add(precision[cell * recallPoints.length + point]!);
  });
}

/** Returns the mean recall over thresholds and categories; -1 where no object counts. */
export function averageRecall(
  { recall, objects }: Evaluation,
  limit: (typeof limits)[number],
  selection: Selection = {},
): number {
  const place = limits.indexOf(limit);
  return meanOfCells(selection, objects, (cell, add) => add(recall[cell * limits.length + place]!));
}

/** Averages what is not -1 over the selected cells, [thresholds, categories, area ranges]. */
function meanOfCells(
  { threshold, category, range = 'all' }: Selection,
  objects: Uint32Array,
  addCell: (cell: number, add: (value: number) => void) => void,
): number {
  const categories = objects.length / areaRanges.length;
  const rangePlace = areaRanges.findIndex(({ name }) => name === range);
  let [sum, count] = [0, 0];
  const add = (value: number) => {
    if (value > -1) [sum, count] = [sum + value, count + 1];
  };
  for (const [level, value] of thresholds.entries()) {
    if (threshold !== undefined && value !== threshold) continue;
    for (let each = 0; each < categories; each++)
      if (category === undefined || each === category)
        addCell((level * categories + each) * areaRanges.length + rangePlace, add);
  }
  return count === 0 ? -1 : sum / count;
}

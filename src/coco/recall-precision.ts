// Precision at given recalls, of detections in descending order of their scores.

import { recallPoints } from './coco-settings.ts';

/** numpy's spacing(1), which COCO adds to the number of detections. */
const epsilon = Number.EPSILON;

/** Detections that count, in descending order of scores: which found an object (bit of `level` in `matched`). */
export interface Ranking {
  /** Indices into the arrays below. */
  order: Uint32Array;
  /** Bits of thresholds. */
  matched: Int32Array;
  ignored: Int32Array;
  scores: Float64Array;
}

/**
 * Writes the precision at each recall point, made to fall with recall, and the score that reaches it: 0 beyond the
 * reached recall. Between two found objects precision only falls, so that it is enough to look at those.
 * @param objects objects that count, at least one
 * @returns how many of them were found
 */
export function precisionAtRecalls(
  { order, matched, ignored, scores }: Ranking,
  level: number,
  objects: number,
  precisions: Float64Array, // [recall points]
  scoresAt: Float64Array, // [recall points]
): number {
  const bit = 1 << level;
  const found: number[] = []; // precision at each object found
  const places: number[] = [];
  let wrong = 0;
  for (const place of order) {
    if (ignored[place]! & bit) continue;
    if (matched[place]! & bit) {
      const right = found.length + 1;
      found.push(right / (wrong + right + epsilon));
      places.push(place);
    } else wrong++;
  }
  for (let place = found.length - 1; place > 0; place--)
    if (found[place]! > found[place - 1]!) found[place - 1] = found[place]!;
  let reached = 0;
  for (const [point, recall] of recallPoints.entries()) {
    while (reached < found.length && (reached + 1) / objects < recall) reached++;
    precisions[point] = found[reached] ?? 0;
    scoresAt[point] = reached < found.length ? scores[places[reached]!]! : 0;
  }
  return found.length;
}

// Decides which detection found which object: within one picture and category, at every threshold and in every range
// of areas. Ten thresholds are the ten lowest bits of a number.

import type { Detection, TruthBox } from './box.ts';
import { areaRanges, largestThreshold, thresholds } from './coco-settings.ts';
import { overlapWith } from './overlap.ts';

export const everyThreshold = (1 << thresholds.length) - 1;
const lowest = thresholds.map((threshold) => Math.min(threshold, largestThreshold));

/** The outcome of one detection in one range of areas, a bit for each threshold. */
export interface Verdict {
  /** Found an object. */
  matched: number;
  /** Counts neither for nor against. */
  ignored: number;
}

export interface MatchOptions {
  /** Whether a detection that found the annotation with id 0 counts as one that found nothing, as in pycocotools. */
  idZeroIsNoMatch: boolean;
}

/** An object that a detection may have found. */
interface Candidate {
  /** Index into the objects. */
  place: number;
  overlap: number;
}

const outside = (area: number, { from, to }: { from: number; to: number }): boolean => area < from || area > to;

/**
 * Matches the detections of one picture and category, the best first, with its objects in the order of their file.
 * @param onMatch is called for the matches at the lowest threshold in the range of all areas
 * @returns verdicts, [area ranges][detections]
 */
export function match(
  detections: readonly Detection[],
  objects: readonly TruthBox[],
  { idZeroIsNoMatch }: MatchOptions,
  onMatch: (detection: number, object: number) => void,
): Verdict[][] {
  const candidates = detections.map((detection) => candidatesOf(detection, objects));
  const taken = new Int32Array(objects.length); // [objects], bits of thresholds
  return areaRanges.map((range, rangePlace) => {
    taken.fill(0);
    const ignored = objects.map(({ crowd, area }) => crowd || outside(area, range));
    return detections.map(({ width, height }, place): Verdict => {
      const verdict = { matched: 0, ignored: 0 };
      for (let level = 0; candidates[place]!.length > 0 && level < lowest.length; level++) {
        const bit = 1 << level;
        const object = bestObject(candidates[place]!, objects, ignored, taken, level);
        if (object === -1) continue;
        taken[object]! |= bit;
        if (ignored[object]) verdict.ignored |= bit;
        if (!(idZeroIsNoMatch && objects[object]!.id === 0)) verdict.matched |= bit;
        if (rangePlace === 0 && level === 0) onMatch(place, object);
      }
      if (outside(width * height, range)) verdict.ignored |= everyThreshold & ~verdict.matched;
      return verdict;
    });
  });
}

/** Returns the objects that a detection overlaps enough for the lowest threshold, in their order. */
function candidatesOf(detection: Detection, objects: readonly TruthBox[]): Candidate[] {
  const found: Candidate[] = [];
  for (let place = 0; place < objects.length; place++) {
    const overlap = overlapWith(detection, objects[place]!);
    if (overlap >= lowest[0]!) found.push({ place, overlap });
  }
  return found;
}

/**
 * Returns the free object with the largest overlap, the later one of equals; -1 if there is none. Objects that are
 * ignored in this range come only where there is no other, and a crowd is always free.
 */
function bestObject(
  candidates: readonly Candidate[],
  objects: readonly TruthBox[],
  ignored: readonly boolean[],
  taken: Int32Array,
  level: number,
): number {
  for (const ignoredTurn of [false, true]) {
    let best = -1;
    let least = lowest[level]!;
    for (const { place, overlap } of candidates) {
      if (ignored[place] !== ignoredTurn || overlap < least) continue;
      if (taken[place]! & (1 << level) && !objects[place]!.crowd) continue;
      [best, least] = [place, overlap];
    }
    if (best !== -1) return best;
  }
  return -1;
}

// Which anchors and proposals learn which object, and which of them a training step samples. Numbers on the host.

import type { RandomStream } from '../random/stream.ts';

/** The target of a box: an object by its index, the background, or nothing. */
export const background = -1;
export const nothing = -2;

export interface MatchRules {
  /** IoU from which a box has an object. */
  object: number;
  /** IoU below which it is background. */
  background: number;
  /** Whether the best box of each object has it at any IoU above 0. */
  everyObject: boolean;
}

/**
 * Matches boxes with objects.
 * @param overlaps IoU [boxes, objects], row-major
 * @returns for each box an object's index, `background` or `nothing`
 */
export function matchBoxes(overlaps: ArrayLike<number>, boxes: number, objects: number, rules: MatchRules): Int32Array {
  const matches = new Int32Array(boxes).fill(background);
  if (objects === 0) return matches;
  const bestOf = new Float64Array(objects);
  const bestBox = new Int32Array(objects).fill(-1);
  for (let box = 0; box < boxes; box++) {
    let [best, highest] = [0, -1];
    for (let object = 0; object < objects; object++) {
      const overlap = overlaps[box * objects + object]!;
      if (overlap > highest) [best, highest] = [object, overlap];
      if (overlap > bestOf[object]!) {
        bestOf[object] = overlap;
        bestBox[object] = box;
      }
    }
    if (highest >= rules.object) matches[box] = best;
    else if (highest >= rules.background) matches[box] = nothing;
  }
  if (rules.everyObject) {
    for (let object = 0; object < objects; object++) {
      if (bestBox[object]! >= 0) matches[bestBox[object]!] = object;
    }
  }
  return matches;
}

/**
 * Samples boxes to learn from: at most `count`, of which at most the share `positives` have an object, and the rest is
 * background.
 * @returns places of boxes with an object, then of background, each in ascending order
 */
export function sampleBoxes(
  matches: Int32Array,
  { count, positives }: { count: number; positives: number },
  random: RandomStream,
): { objects: number[]; backgrounds: number[] } {
  const objects: number[] = [];
  const backgrounds: number[] = [];
  for (const [box, match] of matches.entries()) {
    if (match >= 0) objects.push(box);
    else if (match === background) backgrounds.push(box);
  }
  const chosen = someOf(objects, Math.floor(count * positives), random);
  return { objects: chosen, backgrounds: someOf(backgrounds, count - chosen.length, random) };
}

/** Returns `count` of the places, all choices equally likely, in ascending order. */
function someOf(places: number[], count: number, random: RandomStream): number[] {
  if (places.length <= count) return places;
  for (let index = 0; index < count; index++) {
    const other = index + random.integer(places.length - index);
    [places[index], places[other]] = [places[other]!, places[index]!];
  }
  return places.slice(0, count).sort((one, other) => one - other);
}

// What a detector would show if it showed all above one score: how much of it is right, and where it is wrong.

import type { Detection } from './box.ts';
import type { Evaluation, Truth } from './coco-evaluation.ts';
import { areaRanges } from './coco-settings.ts';

/** The score from which detections are shown, chosen so that F1 at the lowest threshold is largest. */
export interface WorkingPoint {
  /** Infinity if no detection is right. */
  score: number;
  right: number;
  wrong: number;
  missed: number;
}

/** Returns the lowest score with the largest F1 over all pictures and classes. */
export function workingPoint(detections: readonly Detection[], { outcomes, objects }: Evaluation): WorkingPoint {
  const all = objects.reduce((sum, count, place) => (place % areaRanges.length === 0 ? sum + count : sum), 0);
  const judged = [...detections.keys()].filter((place) => outcomes[place] === 'right' || outcomes[place] === 'wrong');
  judged.sort((one, other) => detections[other]!.score - detections[one]!.score);
  let best: WorkingPoint = { score: Number.POSITIVE_INFINITY, right: 0, wrong: 0, missed: all };
  let right = 0;
  for (const [index, place] of judged.entries()) {
    if (outcomes[place] === 'right') right++;
    const { score } = detections[place]!;
    if (index + 1 < judged.length && detections[judged[index + 1]!]!.score === score) continue; // shown together
    const point = { score, right, wrong: index + 1 - right, missed: all - right };
    if (right > 0 && f1(point) >= f1(best)) best = point;
  }
  return best;
}

export const f1 = ({ right, wrong, missed }: WorkingPoint): number =>
  right === 0 ? 0 : (2 * right) / (2 * right + wrong + missed);

/** The errors in a picture at a score: indices of its boxes, and among the detections. */
export interface PictureErrors {
  picture: number;
  missed: number[];
  wrong: number[];
  right: number[];
}

/** Returns the pictures with errors, those with most first; equal ones in their order. */
export function pictureErrors(
  { pictures }: Truth,
  detections: readonly Detection[],
  { outcomes, foundBy }: Evaluation,
  score: number,
): PictureErrors[] {
  const all = pictures.map(({ boxes }, picture): PictureErrors => {
    const missed = [...boxes.keys()].filter((place) => {
      const finder = foundBy[picture]![place]!;
      return !boxes[place]!.crowd && (finder === -1 || detections[finder]!.score < score);
    });
    return { picture, missed, wrong: [], right: [] };
  });
  for (const [place, detection] of detections.entries()) {
    const outcome = outcomes[place]!;
    if (detection.score >= score && (outcome === 'right' || outcome === 'wrong'))
      all[detection.picture]![outcome].push(place);
  }
  return all.filter((each) => count(each) > 0).sort((one, other) => count(other) - count(one));
}

const count = ({ missed, wrong }: PictureErrors): number => missed.length + wrong.length;

// COCO's evaluation of boxes: average precision and recall over thresholds, areas and limits. Pure: no files, no
// engine. Checked against pycocotools 2.0 (test/coco/); docs/detection.md says where it differs.

import type { Detection, TruthBox } from './box.ts';
import { areaRanges, limits, recallPoints, thresholds } from './coco-settings.ts';
import { match, type Verdict } from './object-matching.ts';
import { precisionAtRecalls, type Ranking } from './recall-precision.ts';

/** The part of a dataset that is evaluated. */
export interface Truth {
  categories: readonly unknown[];
  /** In the order in which equal scores count: ascending ids. */
  pictures: readonly { boxes: readonly TruthBox[] }[];
}

export interface EvaluationOptions {
  /** Computes what pycocotools does with an annotation of id 0: whoever finds it has found nothing. */
  asPycocotools?: boolean;
}

export interface Evaluation {
  /** [thresholds, categories, area ranges, recall points], of the largest limit; -1 without an object that counts. */
  precision: Float64Array;
  /** The scores that reach these recalls; 0 beyond. As `precision`. */
  scores: Float64Array;
  /** [thresholds, categories, area ranges, limits]; -1 without an object that counts. */
  recall: Float64Array;
  /** Objects of each category that count in each range: [categories, area ranges]. */
  objects: Uint32Array;
  /** The outcome of each detection at the lowest threshold, in all areas, in the order of the input. */
  outcomes: Outcome[];
  /** For each picture, for each of its boxes: the detection that found it at the lowest threshold, or -1. */
  foundBy: Int32Array[];
}

/** `beyond-limit`: among the best 100 of its picture and category it was not. */
export type Outcome = 'right' | 'wrong' | 'ignored' | 'beyond-limit';

const most = limits.at(-1)!;

/** Evaluates detections, each with indices into the pictures and categories of the truth. */
export function evaluateDetections(
  truth: Truth,
  detections: readonly Detection[],
  { asPycocotools = false }: EvaluationOptions = {},
): Evaluation {
  const evaluation = emptyEvaluation(truth, detections.length);
  const byCategory = groupTruth(truth);
  const order = orderOf(truth, detections);
  let from = 0;
  for (let category = 0; category < truth.categories.length; category++) {
    let to = from;
    while (to < order.length && detections[order[to]!]!.category === category) to++;
    const judged = judge(detections, order.subarray(from, to), byCategory[category]!, { asPycocotools }, evaluation);
    if (judged) summarise(category, judged, evaluation);
    from = to;
  }
  return evaluation;
}

function emptyEvaluation({ categories, pictures }: Truth, detections: number): Evaluation {
  const cells = thresholds.length * categories.length * areaRanges.length;
  return {
    precision: new Float64Array(cells * recallPoints.length).fill(-1),
    scores: new Float64Array(cells * recallPoints.length).fill(-1),
    recall: new Float64Array(cells * limits.length).fill(-1),
    objects: new Uint32Array(categories.length * areaRanges.length),
    outcomes: new Array<Outcome>(detections).fill('beyond-limit'),
    foundBy: pictures.map(({ boxes }) => new Int32Array(boxes.length).fill(-1)),
  };
}

/** The objects of one category in one picture. */
interface Group {
  picture: number;
  objects: TruthBox[];
  /** Places among the picture's boxes. */
  places: number[];
}

/** Returns the objects of each category by picture, in ascending order of pictures. */
function groupTruth({ categories, pictures }: Truth): Group[][] {
  const groups: Group[][] = categories.map(() => []);
  for (const [picture, { boxes }] of pictures.entries()) {
    for (const [place, box] of boxes.entries()) {
      const own = groups[box.category]!;
      if (own.at(-1)?.picture !== picture) own.push({ picture, objects: [], places: [] });
      own.at(-1)!.objects.push(box);
      own.at(-1)!.places.push(place);
    }
  }
  return groups;
}

/** Returns the places of detections by category, then picture, then place. */
function orderOf({ categories, pictures }: Truth, detections: readonly Detection[]): Uint32Array {
  const order = Uint32Array.from(detections.keys());
  const byPicture = countingSort(order, pictures.length, (place) => detections[place]!.picture);
  return countingSort(byPicture, categories.length, (place) => detections[place]!.category);
}

/** Sorts places by a key from 0 to `keys` - 1; equal keys keep their order. */
function countingSort(places: Uint32Array, keys: number, keyOf: (place: number) => number): Uint32Array {
  const starts = new Uint32Array(keys + 1);
  for (const place of places) starts[keyOf(place) + 1]!++;
  for (let key = 0; key < keys; key++) starts[key + 1]! += starts[key]!;
  const sorted = new Uint32Array(places.length);
  for (const place of places) sorted[starts[keyOf(place)]!++] = place;
  return sorted;
}

/** The detections of one category that are within the limit, by picture and descending score. */
interface Judged {
  scores: Float64Array;
  /** Place of each among those of its picture, the best first. */
  ranks: Uint32Array;
  /** Bits of thresholds, for each range of areas. */
  matched: Int32Array[];
  ignored: Int32Array[];
}

/** Matches all detections of one category; undefined if it has neither detections nor objects. */
function judge(
  detections: readonly Detection[],
  order: Uint32Array,
  groups: readonly Group[],
  { asPycocotools }: { asPycocotools: boolean },
  { outcomes, foundBy, objects: counts }: Evaluation,
): Judged | undefined {
  if (order.length === 0 && groups.length === 0) return undefined;
  const category = order.length > 0 ? detections[order[0]!]!.category : groups[0]!.objects[0]!.category;
  for (const { objects } of groups) countObjects(objects, category, counts);
  const scores = new Float64Array(order.length);
  const ranks = new Uint32Array(order.length);
  const matched = areaRanges.map(() => new Int32Array(order.length));
  const ignored = areaRanges.map(() => new Int32Array(order.length));
  let count = 0;
  let group = 0;
  for (let from = 0, to = 0; from < order.length; from = to) {
    const { picture } = detections[order[from]!]!;
    while (to < order.length && detections[order[to]!]!.picture === picture) to++;
    while (group < groups.length && groups[group]!.picture < picture) group++;
    const own = groups[group]?.picture === picture ? groups[group] : undefined;
    const best = bestOf(detections, order.subarray(from, to));
    const verdicts = match(
      best.map((place) => detections[place]!),
      own?.objects ?? [],
      { idZeroIsNoMatch: asPycocotools },
      (place, object) => (foundBy[picture]![own!.places[object]!] = best[place]!),
    );
    for (const [rank, place] of best.entries()) {
      scores[count] = detections[place]!.score;
      ranks[count] = rank;
      for (let range = 0; range < areaRanges.length; range++) {
        matched[range]![count] = verdicts[range]![rank]!.matched;
        ignored[range]![count] = verdicts[range]![rank]!.ignored;
      }
      outcomes[place] = outcomeOf(verdicts[0]![rank]!);
      count++;
    }
  }
  const cut = (bits: Int32Array) => bits.subarray(0, count);
  return {
    scores: scores.subarray(0, count),
    ranks: ranks.subarray(0, count),
    matched: matched.map(cut),
    ignored: ignored.map(cut),
  };
}

function countObjects(objects: readonly TruthBox[], category: number, counts: Uint32Array): void {
  for (const { crowd, area } of objects) {
    if (crowd) continue;
    for (const [range, { from, to }] of areaRanges.entries())
      if (area >= from && area <= to) counts[category * areaRanges.length + range]!++;
  }
}

const outcomeOf = ({ matched, ignored }: Verdict): Outcome =>
  ignored & 1 ? 'ignored' : matched & 1 ? 'right' : 'wrong';

/** Returns the places of the best detections of a picture, those of equal scores in their order. */
function bestOf(detections: readonly Detection[], places: Uint32Array): number[] {
  const sorted = Array.from(places);
  if (sorted.length > 1) sorted.sort((one, other) => detections[other]!.score - detections[one]!.score);
  return sorted.length > most ? sorted.slice(0, most) : sorted;
}

/** Writes precision and recall of one category. */
function summarise(category: number, judged: Judged, evaluation: Evaluation): void {
  const { scores, ranks, matched, ignored } = judged;
  const categories = evaluation.objects.length / areaRanges.length;
  const order = Uint32Array.from(scores.keys()).sort(
    (one, other) => scores[other]! - scores[one]! || one - other, // ties: the earlier picture, then the better rank
  );
  for (const [range] of areaRanges.entries()) {
    const objects = evaluation.objects[category * areaRanges.length + range]!;
    if (objects === 0) continue;
    const ranking: Ranking = { order, scores, matched: matched[range]!, ignored: ignored[range]! };
    for (const [level] of thresholds.entries()) {
      const cell = (level * categories + category) * areaRanges.length + range;
      const points = [cell * recallPoints.length, (cell + 1) * recallPoints.length] as const;
      precisionAtRecalls(
        ranking,
        level,
        objects,
        evaluation.precision.subarray(...points),
        evaluation.scores.subarray(...points),
      );
      const found = foundWithin(ranking, ranks, 1 << level);
      for (const [place, count] of found.entries()) evaluation.recall[cell * limits.length + place] = count / objects;
    }
  }
}

/** Counts the objects found by the best 1, 10 and 100 detections of each picture. */
function foundWithin({ matched, ignored }: Ranking, ranks: Uint32Array, bit: number): number[] {
  const found = limits.map(() => 0);
  for (let place = 0; place < ranks.length; place++) {
    if (!(matched[place]! & bit) || ignored[place]! & bit) continue;
    for (const [limit, number] of limits.entries()) if (ranks[place]! < number) found[limit]!++;
  }
  return found;
}

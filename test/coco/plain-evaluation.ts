// COCO's evaluation a second time, slowly and straight from its definition: every number is computed by its own pass
// over all pictures, with sorted lists and no bits.

import type { Detection, TruthBox } from '../../src/coco/box.ts';
import type { Truth } from '../../src/coco/coco-evaluation.ts';

const thresholds = [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.8999999999999999, 0.95];
const ranges = {
  all: [0, 1e10],
  small: [0, 1024],
  medium: [1024, 9216],
  large: [9216, 1e10],
} as const;
type Range = keyof typeof ranges;

interface Setting {
  threshold: number;
  category: number;
  range: Range;
  limit: number;
}

/** A detection that counts, and whether it found an object. */
interface Counted {
  score: number;
  right: boolean;
}

export function plainNumbers(truth: Truth, detections: readonly Detection[], idZero = false): Record<string, number> {
  const ap = (levels: readonly number[], range: Range) => {
    const values = settings(truth, levels, range, 100).flatMap((setting) =>
      precisions(truth, detections, setting, idZero),
    );
    return meanOf(values);
  };
  const ar = (limit: number, range: Range) =>
    meanOf(settings(truth, thresholds, range, limit).flatMap((setting) => recall(truth, detections, setting, idZero)));
  return {
    AP: ap(thresholds, 'all'),
    AP50: ap([0.5], 'all'),
    AP75: ap([0.75], 'all'),
    APs: ap(thresholds, 'small'),
    APm: ap(thresholds, 'medium'),
    APl: ap(thresholds, 'large'),
    AR1: ar(1, 'all'),
    AR10: ar(10, 'all'),
    AR100: ar(100, 'all'),
    ARs: ar(100, 'small'),
    ARm: ar(100, 'medium'),
    ARl: ar(100, 'large'),
  };
}

const settings = ({ categories }: Truth, levels: readonly number[], range: Range, limit: number): Setting[] =>
  levels.flatMap((threshold) => [...categories.keys()].map((category) => ({ threshold, category, range, limit })));

const meanOf = (values: readonly number[]): number =>
  values.length === 0 ? -1 : values.reduce((sum, value) => sum + value, 0) / values.length;

function precisions(truth: Truth, detections: readonly Detection[], setting: Setting, idZero: boolean): number[] {
  const { counted, objects } = count(truth, detections, setting, idZero);
  if (objects === 0) return [];
  const points = counted.map((_, last) => {
    const right = counted.slice(0, last + 1).filter((each) => each.right).length;
    return { recall: right / objects, precision: right / (last + 1 + 2 ** -52) };
  });
  return Array.from({ length: 101 }, (_, place) =>
    points.filter(({ recall }) => recall >= place * 0.01).reduce((best, { precision }) => Math.max(best, precision), 0),
  );
}

function recall(truth: Truth, detections: readonly Detection[], setting: Setting, idZero: boolean): number[] {
  const { counted, objects } = count(truth, detections, setting, idZero);
  return objects === 0 ? [] : [counted.filter(({ right }) => right).length / objects];
}

function count({ pictures }: Truth, detections: readonly Detection[], setting: Setting, idZero: boolean) {
  const { category, range, limit } = setting;
  const counted: Counted[] = [];
  let objects = 0;
  for (const [picture, { boxes }] of pictures.entries()) {
    const own = boxes.filter((box) => box.category === category);
    objects += own.filter((box) => !isIgnored(box, range)).length;
    const found = detections.filter((each) => each.picture === picture && each.category === category);
    const best = found.toSorted((one, other) => other.score - one.score).slice(0, limit);
    counted.push(...countPicture(best, own, setting, idZero));
  }
  return { counted: counted.sort((one, other) => other.score - one.score), objects };
}

function isIgnored({ crowd, area }: TruthBox, range: Range): boolean {
  const [low, high] = ranges[range];
  return crowd || area < low || area > high;
}

function countPicture(
  best: readonly Detection[],
  objects: readonly TruthBox[],
  { threshold, range }: Setting,
  idZero: boolean,
) {
  const sorted = [
    ...objects.filter((box) => !isIgnored(box, range)),
    ...objects.filter((box) => isIgnored(box, range)),
  ];
  const taken = new Set<TruthBox>();
  return best.flatMap((detection): Counted[] => {
    const free = sorted.filter((box) => (box.crowd || !taken.has(box)) && overlap(detection, box) >= threshold);
    const real = free.filter((box) => !isIgnored(box, range));
    const choice = lastLargest(real.length > 0 ? real : free, detection);
    if (choice) taken.add(choice);
    const lost = idZero && choice?.id === 0;
    const [low, high] = ranges[range];
    const area = detection.width * detection.height;
    const ignored = choice && isIgnored(choice, range);
    if (ignored || ((!choice || lost) && (area < low || area > high))) return [];
    return [{ score: detection.score, right: choice !== undefined && !lost }];
  });
}

/** Returns the box with the largest overlap; of equal ones the last. */
const lastLargest = (boxes: readonly TruthBox[], detection: Detection): TruthBox | undefined =>
  boxes.reduce<TruthBox | undefined>(
    (best, box) => (!best || overlap(detection, box) >= overlap(detection, best) ? box : best),
    undefined,
  );

function overlap(one: Detection, other: TruthBox): number {
  const width = Math.min(one.x + one.width, other.x + other.width) - Math.max(one.x, other.x);
  const height = Math.min(one.y + one.height, other.y + other.height) - Math.max(one.y, other.y);
  if (width <= 0 || height <= 0) return 0;
  const area = one.width * one.height;
  return (width * height) / (other.crowd ? area : area + other.width * other.height - width * height);
}

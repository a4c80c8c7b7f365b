// The numbers of COCO's evaluation of boxes. None of them is an option: results are compared across papers.

/** Overlaps that count as found, in numpy's linspace(0.5, 0.95, 10), whose 0.9 is one bit below. */
export const thresholds: readonly number[] = Array.from({ length: 10 }, (_, place) =>
  place === 9 ? 0.95 : 0.5 + place * ((0.95 - 0.5) / 9),
);

/** Recalls at which precision is read. */
export const recallPoints: readonly number[] = Array.from({ length: 101 }, (_, place) => place * 0.01);

/** Pixels; both ends belong to a range, so that 32² is small and medium. */
export const areaRanges = [
  { name: 'all', from: 0, to: 1e10 },
  { name: 'small', from: 0, to: 32 ** 2 },
  { name: 'medium', from: 32 ** 2, to: 96 ** 2 },
  { name: 'large', from: 96 ** 2, to: 1e10 },
] as const;

/** Detections of a picture and category that count, the best first. Ascending. */
export const limits = [1, 10, 100] as const;

/** A threshold is at most this, so that a perfect overlap always counts. */
export const largestThreshold = 1 - 1e-10;

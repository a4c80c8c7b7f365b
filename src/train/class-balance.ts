// Rare classes that count as much as frequent ones: the weights of the classes in the loss, and how skewed a dataset
// is. data/batches.ts has the other way, to show rare classes more often.

/** From this ratio of the largest class to the smallest on a dataset is called skewed. */
export const skewedFrom = 3;

/** The largest and the smallest class, by the number of their images. */
export interface Skew {
  largest: { label: number; images: number };
  smallest: { label: number; images: number };
  ratio: number;
}

/** Counts the images of each class. */
export function classCounts(labels: ArrayLike<number>, classes: number): number[] {
  const counts = Array.from({ length: classes }, () => 0);
  for (let index = 0; index < labels.length; index++) counts[labels[index]!]! += 1;
  return counts;
}

/** Returns how skewed classes are; those without images do not count. */
export function skewOf(counts: readonly number[]): Skew | undefined {
  const present = counts.flatMap((images, label) => (images > 0 ? [{ label, images }] : []));
  if (present.length === 0) return undefined;
  const largest = present.reduce((most, each) => (each.images > most.images ? each : most));
  const smallest = present.reduce((least, each) => (each.images < least.images ? each : least));
  return { largest, smallest, ratio: largest.images / smallest.images };
}

/**
 * Returns the weight of each class in the loss: images / (classes · images of the class), so that all classes have
 * the same total and the images a mean weight of 1 (King and Zeng, 2001; `balanced` in scikit-learn). Classes without
 * images have 0 and do not count.
 */
export function classWeights(counts: readonly number[]): number[] {
  const images = counts.reduce((sum, count) => sum + count, 0);
  const classes = counts.filter((count) => count > 0).length;
  return counts.map((count) => (count === 0 ? 0 : images / (classes * count)));
}

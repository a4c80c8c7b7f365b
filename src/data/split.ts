// Splits training images into training and validation images, as indices.

import { InputError } from '../failure.ts';
import { RandomStream } from '../random/stream.ts';
import { type DatasetFiles, readLabels } from './dataset-files.ts';

export interface SplitOptions {
  /**
   * Number of validation images; default: a tenth, as in the paper (5,000 of 50,000, section 4.1), and at least one per
   * class if stratified.
   */
  validation?: number | undefined;
  /** Number of training images; default: all others. A smaller number is a subset of a larger one. */
  training?: number | undefined;
  seed: number | string;
}

/** Disjoint indices into the training part, ascending. */
export interface Split {
  train: Int32Array;
  validation: Int32Array;
}

/**
 * Holds out validation images by the dataset's rule: uniformly at random as in the paper (CIFAR-10), or the same share
 * of every class and at least one (folders, whose classes may be small).
 * @throws InputError if there are too few images
 */
export function split(files: DatasetFiles, options: SplitOptions): Split {
  const count = files.train.count;
  const validation = options.validation ?? defaultValidation(files);
  if (files.holdOut === 'stratified')
    return splitByClass(readLabels(files.train), files.classes.length, { ...options, validation });
  const random = new RandomStream(options.seed).split('validation split');
  return divided([random.shuffle(count)], { ...options, validation });
}

/**
 * Holds out the same share of every class, and at least one.
 * @param labels the class of each image
 * @throws InputError if there are too few images
 */
export function splitByClass(
  labels: ArrayLike<number>,
  classes: number,
  options: SplitOptions & { validation: number },
): Split {
  const random = new RandomStream(options.seed).split('validation split');
  return divided(shuffledClasses(labels, classes, random), options);
}

/** Takes validation images from the beginnings of groups of images, and training images from what is left. */
function divided(groups: readonly Int32Array[], options: SplitOptions & { validation: number }): Split {
  const sizes = groups.map((group) => group.length);
  const count = sizes.reduce((sum, size) => sum + size, 0);
  const { validation, training = count - validation } = options;
  requireSplit(count, { validation, training });
  const heldOut = share(validation, sizes, 'validation');
  const used = share(
    training,
    sizes.map((size, index) => size - heldOut[index]!),
    'training',
  );
  const pick = (from: (group: number) => number, counts: number[]) =>
    Int32Array.from(
      groups.flatMap((group, index) => [...group.subarray(from(index), from(index) + counts[index]!)]),
    ).sort();
  return { validation: pick(() => 0, heldOut), train: pick((group) => heldOut[group]!, used) };
}

/** Returns how many images are held out by default. */
export function defaultValidation({
  train,
  classes,
  holdOut,
}: Pick<DatasetFiles, 'classes' | 'holdOut'> & { train: { count: number } }): number {
  return Math.max(Math.round(train.count / 10), holdOut === 'stratified' ? classes.length : 1);
}

/** @throws InputError if so many images cannot be held out and trained on */
export function requireSplit(
  count: number,
  { validation, training = count - validation }: Pick<SplitOptions, 'training'> & { validation: number },
): void {
  checkCount('validation', validation, 0, count - 1);
  checkCount('training', training, 1, count - validation);
}

function checkCount(name: string, count: number, least: number, most: number): void {
  if (Number.isInteger(count) && count >= least && count <= most) return;
  throw new InputError(`${name} images: expected a whole number from ${least} to ${most}, got ${count}`);
}

/** Returns the indices of every class in random order. */
function shuffledClasses(labels: ArrayLike<number>, classes: number, random: RandomStream): Int32Array[] {
  const members: number[][] = Array.from({ length: classes }, () => []);
  for (let index = 0; index < labels.length; index++) members[labels[index]!]!.push(index);
  return members.map((indices, label) => {
    const order = random.split(`class ${label}`).shuffle(indices.length);
    return Int32Array.from(order, (place) => indices[place]!);
  });
}

/**
 * Divides `total` images among groups in proportion to their sizes, by largest remainders. Each group gives at least
 * one and, if possible, keeps at least one (unless `total` is 0 or everything).
 */
export function share(total: number, sizes: readonly number[], what: string): number[] {
  const sum = sizes.reduce((all, size) => all + size, 0);
  if (total === 0 || total === sum) return sizes.map((size) => (total === 0 ? 0 : size));
  if (total < sizes.length) {
    throw new InputError(`${what} images: expected at least one for each of ${sizes.length} classes, got ${total}`);
  }
  const exact = sizes.map((size) => (total * size) / sum);
  const counts = sizes.map((size, group) => Math.max(1, Math.min(Math.floor(exact[group]!), size - 1)));
  let missing = total - counts.reduce((all, count) => all + count, 0);
  const step = Math.sign(missing);
  const room = (group: number) => (step > 0 ? sizes[group]! - counts[group]! : counts[group]!);
  const wish = (group: number) => step * (exact[group]! - counts[group]!);
  const byWish = (one: number, other: number) => wish(other) - wish(one) || one - other; // equal ones by number
  for (const reserve of [1, 0]) {
    const waiting = [...sizes.keys()].filter((group) => room(group) > reserve).sort(byWish);
    for (; missing !== 0 && waiting.length > 0; missing -= step) {
      const chosen = waiting.shift()!;
      counts[chosen]! += step;
      if (room(chosen) > reserve) insert(waiting, chosen, byWish);
    }
  }
  return counts;
}

/** Inserts into a sorted list by binary search: with 10,000 classes, sorting for each image would take minutes. */
function insert(sorted: number[], value: number, compare: (one: number, other: number) => number): void {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compare(sorted[middle]!, value) < 0) low = middle + 1;
    else high = middle;
  }
  sorted.splice(low, 0, value);
}

// Simulated rewards: what a small proxy's validation accuracy looks like over the space of cells, without training anything.
// Every option of every decision has a worth, operations share most of theirs over all blocks, 60 pairs of decisions have a
// joint worth; all of it is squeezed into 0.3 to 0.6, and each measurement is noisy.

import { RandomStream } from '../random/stream.ts';
import { operationNames } from '../space/operations.ts';

export interface Landscape {
  /** Of the true reward between random architectures. */
  deviation: number;
  /** Deviation of one measurement. */
  noise: number;
  /** Share of the variance that comes from pairs of decisions. */
  jointShare: number;
}

export const landscapes = {
  kind: { deviation: 0.04, noise: 0.015, jointShare: 0.35 },
  rough: { deviation: 0.025, noise: 0.02, jointShare: 0.5 },
} as const satisfies Record<string, Landscape>;

const [lowest, highest] = [0.3, 0.6];
const jointPairs = 60;
const draws = 2000; // random architectures on which the scale is measured
const operations = operationNames.length;

/** The true reward of decisions. The same seed gives the same landscape. */
export function trueReward(
  sizes: readonly number[],
  { deviation, jointShare }: Landscape,
  seed: number | string,
): (decisions: readonly number[]) => number {
  const random = new RandomStream(seed).split('landscape');
  const shared = normals(random, operations);
  const worth = sizes.map((size, index) => {
    // Operations matter more than inputs, the normal cell more than the reduction cell: networks hold more of it.
    const weight = (size === operations ? 1 : index % 5 === 4 ? 0.4 : 0.5) * (index < sizes.length / 2 ? 1 : 0.5);
    return normals(random, size).map(
      (own, option) => weight * (size === operations ? 0.8 * shared[option]! + 0.6 * own : own),
    );
  });
  const pairs = Array.from({ length: jointPairs }, () => ({
    left: random.integer(sizes.length),
    right: random.integer(sizes.length),
    worth: normals(random, operations ** 2),
  }));
  const single = (taken: readonly number[]) => taken.reduce((sum, choice, index) => sum + worth[index]![choice]!, 0);
  const joint = (taken: readonly number[]) =>
    pairs.reduce((sum, pair) => sum + pair.worth[operations * taken[pair.left]! + taken[pair.right]!]!, 0);
  const drawn = Array.from({ length: draws }, () => sizes.map((size) => random.integer(size)));
  const [singleScaled, jointScaled] = [scaled(single, drawn), scaled(joint, drawn)];

  const middle = (lowest + highest) / 2;
  const reach = (highest - lowest) / 2;
  return (taken) => {
    const score = Math.sqrt(1 - jointShare) * singleScaled(taken) + Math.sqrt(jointShare) * jointScaled(taken);
    return middle + reach * Math.tanh((score * deviation) / reach);
  };
}

/** To mean 0 and deviation 1 over the drawn architectures. */
function scaled(value: (taken: readonly number[]) => number, drawn: number[][]) {
  const values = drawn.map(value);
  const mean = values.reduce((sum, each) => sum + each, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, each) => sum + (each - mean) ** 2, 0) / values.length);
  return (taken: readonly number[]) => (value(taken) - mean) / deviation;
}

/** Normal with mean 0 and deviation 1 (Box and Muller). */
export const normal = (random: RandomStream): number =>
  Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());

const normals = (random: RandomStream, count: number) => Array.from({ length: count }, () => normal(random));

// Simulated rewards, which imitate a small proxy's validation accuracy over the search space without training. Every
// option of every decision has a score, operations share most of theirs across blocks, and 60 pairs of decisions have a
// joint score. The sum is squashed into 0.3 to 0.6, and each measurement is noisy.

import { normal } from '../random/normal.ts';
import { RandomStream } from '../random/stream.ts';
import { operationNames } from '../space/operations.ts';

export interface Landscape {
  /** Standard deviation of the true reward over random architectures. */
  deviation: number;
  /** Standard deviation of the noise of a measurement. */
  noise: number;
  /** Share of the variance that comes from pairs of decisions, from 0 to 1. */
  jointShare: number;
}

export const landscapes = {
  kind: { deviation: 0.04, noise: 0.015, jointShare: 0.35 },
  rough: { deviation: 0.025, noise: 0.02, jointShare: 0.5 },
} as const satisfies Record<string, Landscape>;

const [lowest, highest] = [0.3, 0.6];
const jointPairs = 60;
const sampleCount = 2000; // random architectures to measure the scale on
const operations = operationNames.length;

/**
 * Returns a function from decisions to their true reward. The same seed gives the same landscape.
 * @param sizes the number of options of each decision
 */
export function trueReward(
  sizes: readonly number[],
  { deviation, jointShare }: Landscape,
  seed: number | string,
): (decisions: readonly number[]) => number {
  const random = new RandomStream(seed).split('landscape');
  const shared = normals(random, operations);
  const scores = sizes.map((size, index) => {
    // Operations matter more than inputs, and the normal cell more than the reduction cell, of which networks have
    // fewer.
    const weight = (size === operations ? 1 : index % 5 === 4 ? 0.4 : 0.5) * (index < sizes.length / 2 ? 1 : 0.5);
    return normals(random, size).map(
      (own, option) => weight * (size === operations ? 0.8 * shared[option]! + 0.6 * own : own),
    );
  });
  const pairs = Array.from({ length: jointPairs }, () => ({
    left: random.integer(sizes.length),
    right: random.integer(sizes.length),
    scores: normals(random, operations ** 2),
  }));
  const single = (decisions: readonly number[]) =>
    decisions.reduce((sum, option, index) => sum + scores[index]![option]!, 0);
  const joint = (decisions: readonly number[]) =>
    pairs.reduce((sum, pair) => sum + pair.scores[operations * decisions[pair.left]! + decisions[pair.right]!]!, 0);
  const samples = Array.from({ length: sampleCount }, () => sizes.map((size) => random.integer(size)));
  const [singleScore, jointScore] = [standardise(single, samples), standardise(joint, samples)];

  const centre = (lowest + highest) / 2;
  const halfRange = (highest - lowest) / 2;
  return (decisions) => {
    const score = Math.sqrt(1 - jointShare) * singleScore(decisions) + Math.sqrt(jointShare) * jointScore(decisions);
    return centre + halfRange * Math.tanh((score * deviation) / halfRange);
  };
}

/** Rescales a function to mean 0 and standard deviation 1 over the samples. */
function standardise(score: (decisions: readonly number[]) => number, samples: number[][]) {
  const values = samples.map(score);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  return (decisions: readonly number[]) => (score(decisions) - mean) / deviation;
}

const normals = (random: RandomStream, count: number) => Array.from({ length: count }, () => normal(random));

// What a ladder of proxies would choose, for bench/proxies.ts: cells whose accuracy after a long training is known are
// trained as children, all at the highest rung, or by a ladder in the same seconds. Resampled from measured rewards.

import { RandomStream } from '../src/random/stream.ts';
import { mean } from '../src/statistics/order.ts';

/** A proxy with its reward for each cell. */
export interface Rung {
  proxy: string;
  /** Seconds of a child. */
  seconds: number;
  rewards: readonly number[];
}

/** The choices from random subsets of the cells in equal seconds. */
export interface LadderOutcome {
  /** Children that are all trained at the highest rung. */
  flat: number;
  /** Children at the lowest rung of the ladder, in the same seconds. */
  climbing: number;
  /** Mean accuracy after the long training: of all cells, of the best child without a ladder, and with it. */
  chance: number;
  withoutLadder: number;
  withLadder: number;
}

const samples = 20_000;

/** The best shares of a rung that are promoted to the next one: 1 / η. */
const reduction = 3;

/**
 * Returns what a ladder of these rungs chooses, the lowest first, which go on from each other's weights.
 * @param long accuracies of the cells after the long training
 */
export function ladderOutcome(rungs: readonly Rung[], long: readonly number[], flat: number): LadderOutcome {
  const top = rungs.at(-1)!;
  const each = rungs.reduce(
    (sum, { seconds }, rung) => sum + (seconds - (rungs[rung - 1]?.seconds ?? 0)) / reduction ** rung,
    0,
  );
  const climbing = Math.min(long.length, Math.round((flat * top.seconds) / each));
  const random = new RandomStream('ladder of proxies');
  const [withoutLadder, withLadder]: [number[], number[]] = [[], []];
  for (let sample = 0; sample < samples; sample++) {
    const cells = [...random.shuffle(long.length)];
    withoutLadder.push(long[best(cells.slice(0, flat), top.rewards, 1)[0]!]!);
    let left = cells.slice(0, climbing);
    for (const { rewards } of rungs.slice(0, -1)) left = best(left, rewards, Math.ceil(left.length / reduction));
    withLadder.push(long[best(left, top.rewards, 1)[0]!]!);
  }
  return { flat, climbing, chance: mean(long), withoutLadder: mean(withoutLadder), withLadder: mean(withLadder) };
}

/** Returns so many of the cells with the highest rewards. */
const best = (cells: readonly number[], rewards: readonly number[], count: number): number[] =>
  [...cells].sort((one, other) => rewards[other]! - rewards[one]!).slice(0, count);

// What a ladder of proxies would choose, for bench/proxies.ts: cells whose accuracy after a long training is known are
// trained as children, all at the highest rung, or by a ladder in the same seconds. Resampled from measured rewards.

import { RandomStream } from '../src/random/stream.ts';
import { mean } from '../src/statistics/order.ts';

/** A proxy with its rewards, which are of the same cells and runs at every rung. */
export interface Rung {
  /** Seconds of a child. */
  seconds: number;
  /** By cell and run. */
  rewards: readonly (readonly number[])[];
}

/** The choices from random subsets of the cells in equal seconds. */
export interface LadderOutcome {
  /** Children that are all trained at the highest rung. */
  flat: number;
  /** Children at the lowest rung of the ladder in the same seconds, at most all cells, and its seconds. */
  climbing: number;
  seconds: number;
  /** Mean accuracy after the long training: of all cells, of the best child without a ladder, and with it. */
  chance: number;
  withoutLadder: number;
  withLadder: number;
}

const samples = 20_000;

/** The best shares of a rung that are promoted to the next one: 1 / η. */
const reduction = 3;

/** Children at each rung of a ladder that `count` children begin. */
function atRungs(count: number, rungs: number): number[] {
  const counts = [count];
  while (counts.length < rungs) counts.push(Math.ceil(counts.at(-1)! / reduction));
  return counts;
}

/** Seconds of such a ladder, whose trainings go on from each other's weights. */
const secondsOf = (counts: readonly number[], rungs: readonly Rung[]): number =>
  counts.reduce((sum, count, rung) => sum + count * (rungs[rung]!.seconds - (rungs[rung - 1]?.seconds ?? 0)), 0);

/**
 * Returns what a ladder of these rungs chooses, the lowest first.
 * @param long accuracies of the cells after the long training
 */
export function ladderOutcome(rungs: readonly Rung[], long: readonly number[], flat: number): LadderOutcome {
  const top = rungs.at(-1)!;
  let climbing = 1;
  while (climbing < long.length && secondsOf(atRungs(climbing + 1, rungs.length), rungs) <= flat * top.seconds)
    climbing++;
  const counts = atRungs(climbing, rungs.length);
  const random = new RandomStream('ladder of proxies');
  const [withoutLadder, withLadder]: [number[], number[]] = [[], []];
  for (let sample = 0; sample < samples; sample++) {
    const cells = [...random.shuffle(long.length)];
    const run = random.integer(top.rewards[0]!.length);
    const best = (some: readonly number[], { rewards }: Rung, count: number) =>
      [...some].sort((one, other) => rewards[other]![run]! - rewards[one]![run]!).slice(0, count);
    withoutLadder.push(long[best(cells.slice(0, flat), top, 1)[0]!]!);
    const left = counts
      .slice(1)
      .reduce((some, count, rung) => best(some, rungs[rung]!, count), cells.slice(0, climbing));
    withLadder.push(long[best(left, top, 1)[0]!]!);
  }
  const seconds = secondsOf(counts, rungs);
  return {
    flat,
    climbing,
    seconds,
    chance: mean(long),
    withoutLadder: mean(withoutLadder),
    withLadder: mean(withLadder),
  };
}

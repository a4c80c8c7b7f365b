// A race of finalists: which of them is to be trained with which further seeds, who is out, and when it is over. Pure: the same
// outcomes give the same race, so a process that goes on after another needs nothing but the outcomes.
//
// The idea is racing's (Maron and Moore 1994; Birattari et al. 2002, "F-Race"): nobody gets more runs once it is seen to lose. Their
// tests want tens of runs; a network allows two to ten. So the test is the one that gets most out of few: run r has the same seed for
// all finalists, accuracies are finalist + seed + noise of one variance, and that variance is pooled over all finalists in the race,
// with (k − 1)(n − 1) degrees of freedom for k finalists and n runs each. With two of them this is the paired t-test. The leader is
// found by looking, so all k(k − 1) ordered pairs count, and every look counts (Bonferroni for both): a race takes out a finalist that is
// no worse than the one that leads with a probability of at most 5%. That is so where noise is about as strong for one finalist as for
// another; and "better" means better on the held-out images in use.

import { mean } from '../statistics/order.ts';
import { criticalValue } from '../statistics/student-t.ts';

export interface RacingRule {
  /** Runs of each finalist before the first look, 2 or more. */
  least: number;
  /** Runs of each finalist at most. */
  most: number;
  /** The smallest difference that an accuracy can show, 1 / validation images: noise below it cannot be seen. */
  step: number;
}

/** What is known of one finalist. */
export interface Racer {
  /** Of run 1, 2 …; undefined: not done yet. */
  accuracies: readonly (number | undefined)[];
  /** One of its runs failed: it is out. */
  failed: boolean;
}

/** Finalists are named by their places in the list of racers. */
export interface Race {
  /** Still in the race, or at its end: those that cannot be told apart from the leader. */
  racing: number[];
  /** Seen to be worse than the leader, in groups that cannot be told apart, better ones first. */
  beaten: number[][];
  failed: number[];
  /** Runs (1, 2 …) to be done before the next look. */
  wanted: { racer: number; run: number }[];
  end?: RaceEnd;
}

export type RaceEnd = 'one is left' | 'all runs are done' | 'more runs would not tell them apart' | 'all failed';

const mistakes = 0.05; // probability that a race takes out one that is no worse than the leader, at most

/** Where the race stands with these outcomes. */
export function race(racers: readonly Racer[], rule: RacingRule): Race {
  const all = racers.map((_, index) => index);
  const failed = all.filter((index) => racers[index]!.failed);
  const out: number[] = [];
  let racing = all.filter((index) => !failed.includes(index));
  let wanted: Race['wanted'] = [];
  let end: RaceEnd | undefined = racing.length === 0 ? 'all failed' : undefined;
  for (let runs = rule.least; !end; runs++) {
    wanted = racing.length === 1 ? [] : missing(racers, racing, runs);
    if (wanted.length > 0) break;
    const look = racing.length > 1 && compare(racers, racing, runs, rule);
    if (look) {
      out.push(...look.worse);
      racing = racing.filter((index) => !look.worse.includes(index));
    }
    if (racing.length === 1) end = 'one is left';
    else if (runs >= rule.most) end = 'all runs are done';
    else if (look && look.worse.length === 0 && look.hopeless) end = 'more runs would not tell them apart';
  }
  return { racing, beaten: groups(racers, out, rule), failed, wanted, ...(end && { end }) };
}

/** How many runs are done without a gap. */
export function runsDone({ accuracies }: Racer): number {
  const gap = accuracies.indexOf(undefined);
  return gap === -1 ? accuracies.length : gap;
}

/** Mean accuracy of the first so many runs, by default of all that are done; NaN for none. */
export const meanOf = (racer: Racer, runs = runsDone(racer)): number =>
  mean(racer.accuracies.slice(0, runs) as number[]);

/** The finalists that did not fail, best first: those in the race by their means, then the groups of the beaten. */
export function ranking(racers: readonly Racer[], { racing, beaten }: Race): number[] {
  const height = (place: number) => meanOf(racers[place]!) || 0; // 0: nothing is done yet
  return [...racing].sort((a, b) => height(b) - height(a) || a - b).concat(beaten.flat());
}

function missing(racers: readonly Racer[], racing: readonly number[], runs: number): Race['wanted'] {
  const numbers = Array.from({ length: runs }, (_, index) => index + 1);
  return numbers.flatMap((run) =>
    racing.filter((racer) => racers[racer]!.accuracies[run - 1] === undefined).map((racer) => ({ racer, run })),
  );
}

/** One look at two finalists or more after `runs` of each. */
function compare(racers: readonly Racer[], racing: readonly number[], runs: number, { least, most, step }: RacingRule) {
  const count = racing.length;
  const table = racing.map((index) => racers[index]!.accuracies.slice(0, runs) as number[]); // [count][runs]
  const means = table.map(mean);
  const seeds = Array.from({ length: runs }, (_, run) => mean(table.map((row) => row[run]!)));
  const whole = mean(means);
  const squares = table.flatMap((row, index) =>
    row.map((accuracy, run) => (accuracy - means[index]! - seeds[run]! + whole) ** 2),
  );
  const freedom = (count - 1) * (runs - 1);
  const variance = Math.max(squares.reduce((sum, square) => sum + square, 0) / freedom, step ** 2 / 12);

  const tail = mistakes / (most - least + 1) / (count * (count - 1));
  const deviation = (n: number) => Math.sqrt((2 * variance) / n); // of a difference of two means
  const beyondChance = (n: number) => criticalValue(tail, (count - 1) * (n - 1)) * deviation(n);
  const behind = means.map((mean) => Math.max(...means) - mean);
  const [now, atLast] = [beyondChance(runs), beyondChance(most)];
  return {
    worse: racing.filter((_, index) => behind[index]! > now),
    /** Even if each true difference were a standard error larger than it looks, the last look would not see it. */
    hopeless: behind.every((difference) => difference + deviation(runs) <= atLast),
  };
}

/** Those that are out, by the same comparison on the runs that all of them have, each group against the best that is left. */
function groups(racers: readonly Racer[], out: readonly number[], rule: RacingRule): number[][] {
  if (out.length === 0) return [];
  const runs = Math.min(...out.map((index) => runsDone(racers[index]!)));
  const inOrder = [...out].sort((a, b) => meanOf(racers[b]!, runs) - meanOf(racers[a]!, runs) || a - b);
  const worse = inOrder.length === 1 ? [] : compare(racers, inOrder, runs, rule).worse;
  return [inOrder.filter((index) => !worse.includes(index)), ...groups(racers, worse, rule)];
}

// The race of finalists: decides which finalists are trained with which further seeds, which are eliminated, and when
// the race ends. It is a function of the outcomes, so a process that resumes a race needs only the outcomes.
//
// Racing (Maron and Moore 1994; Birattari et al. 2002, "F-Race") trains a finalist no further once it is significantly
// worse. Their tests need tens of runs; networks allow two to ten. This test makes the most of few: run r has the same
// seed for all finalists, an accuracy is modelled as finalist + seed + noise of one variance, and that variance is
// pooled over all finalists in the race, with (k − 1)(n − 1) degrees of freedom for k finalists and n runs each. For
// two finalists this is the paired t-test. The leader is selected from the data, so all k(k − 1) ordered pairs and all
// looks are corrected for (Bonferroni): the probability that a race eliminates a finalist that is no worse than the
// leader is at most 5%. This assumes about the same noise for every finalist; "better" means better on the validation
// images in use.

import { mean } from '../statistics/order.ts';
import { criticalValue } from '../statistics/student-t.ts';

export interface RacingRule {
  /** Runs of each finalist before the first look, at least 2. */
  least: number;
  /** Maximum number of runs of each finalist. */
  most: number;
  /** The smallest difference between two accuracies, 1 / validation images. Noise below it is not visible. */
  step: number;
}

/** The outcomes of one finalist. */
export interface Racer {
  /** Accuracies of runs 1, 2 …; undefined: not done yet. */
  accuracies: readonly (number | undefined)[];
  /** Whether one of its runs failed, which eliminates it. */
  failed: boolean;
}

/** The state of a race. Finalists are indices into the list of racers. */
export interface Race {
  /** Finalists in the race; at its end those that are not significantly worse than the leader. */
  racing: number[];
  /**
   * Finalists that are significantly worse than the leader, in groups without significant differences, better groups
   * first.
   */
  beaten: number[][];
  failed: number[];
  /** Runs (1, 2 …) to be done before the next look. */
  wanted: { racer: number; run: number }[];
  end?: RaceEnd;
}

export type RaceEnd = 'one is left' | 'all runs are done' | 'more runs would not tell them apart' | 'all failed';

const errorRate = 0.05; // maximum probability that a race eliminates a finalist that is no worse than the leader

/** Returns the state of the race with these outcomes. */
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

/** Returns the number of runs that are done without a gap. */
export function runsDone({ accuracies }: Racer): number {
  const gap = accuracies.indexOf(undefined);
  return gap === -1 ? accuracies.length : gap;
}

/** Returns the mean accuracy of the first `runs` runs (default: all that are done); NaN if there are none. */
export const meanOf = (racer: Racer, runs = runsDone(racer)): number =>
  mean(racer.accuracies.slice(0, runs) as number[]);

/** Returns the finalists that did not fail, best first: those in the race by their means, then the beaten groups. */
export function ranking(racers: readonly Racer[], { racing, beaten }: Race): number[] {
  const meanOrZero = (index: number) => meanOf(racers[index]!) || 0;
  return [...racing].sort((a, b) => meanOrZero(b) - meanOrZero(a) || a - b).concat(beaten.flat());
}

function missing(racers: readonly Racer[], racing: readonly number[], runs: number): Race['wanted'] {
  const numbers = Array.from({ length: runs }, (_, index) => index + 1);
  return numbers.flatMap((run) =>
    racing.filter((racer) => racers[racer]!.accuracies[run - 1] === undefined).map((racer) => ({ racer, run })),
  );
}

/**
 * Whether the leader of a race is better than another finalist of it, on the runs that all of them have, at this
 * confidence for all of its rivals together (Bonferroni).
 */
export function leads(
  racers: readonly Racer[],
  { racing }: Race,
  other: number,
  { confidence, step }: { confidence: number; step: number },
): boolean {
  if (racing.length === 1) return false;
  const runs = Math.min(...racing.map((index) => runsDone(racers[index]!)));
  const { means, variance, freedom } = noise(racers, racing, runs, step);
  const tail = (1 - confidence) / (racing.length - 1);
  const ahead = Math.max(...means) - means[racing.indexOf(other)]!;
  return ahead > criticalValue(tail, freedom) * Math.sqrt((2 * variance) / runs);
}

/** Returns the means of at least two finalists after `runs` runs of each, and the pooled variance of a run. */
function noise(racers: readonly Racer[], racing: readonly number[], runs: number, step: number) {
  const table = racing.map((index) => racers[index]!.accuracies.slice(0, runs) as number[]); // [count][runs]
  const means = table.map(mean);
  const seeds = Array.from({ length: runs }, (_, run) => mean(table.map((row) => row[run]!)));
  const whole = mean(means);
  const squares = table.flatMap((row, index) =>
    row.map((accuracy, run) => (accuracy - means[index]! - seeds[run]! + whole) ** 2),
  );
  const freedom = (racing.length - 1) * (runs - 1);
  const variance = Math.max(squares.reduce((sum, square) => sum + square, 0) / freedom, step ** 2 / 12);
  return { means, variance, freedom };
}

/** Compares at least two finalists after `runs` runs of each. */
function compare(racers: readonly Racer[], racing: readonly number[], runs: number, { least, most, step }: RacingRule) {
  const count = racing.length;
  const { means, variance } = noise(racers, racing, runs, step);
  const tail = errorRate / (most - least + 1) / (count * (count - 1));
  const deviation = (n: number) => Math.sqrt((2 * variance) / n); // of a difference of two means
  const beyondChance = (n: number) => criticalValue(tail, (count - 1) * (n - 1)) * deviation(n);
  const behind = means.map((mean) => Math.max(...means) - mean);
  const [now, atLast] = [beyondChance(runs), beyondChance(most)];
  return {
    worse: racing.filter((_, index) => behind[index]! > now),
    // even if each true difference were one standard error larger than measured, the last look would not detect it
    hopeless: behind.every((difference) => difference + deviation(runs) <= atLast),
  };
}

/**
 * Groups the eliminated finalists by the same comparison on the runs that all of them have: each group against the best
 * remaining one.
 */
function groups(racers: readonly Racer[], out: readonly number[], rule: RacingRule): number[][] {
  if (out.length === 0) return [];
  const runs = Math.min(...out.map((index) => runsDone(racers[index]!)));
  const inOrder = [...out].sort((a, b) => meanOf(racers[b]!, runs) - meanOf(racers[a]!, runs) || a - b);
  const worse = inOrder.length === 1 ? [] : compare(racers, inOrder, runs, rule).worse;
  return [inOrder.filter((index) => !worse.includes(index)), ...groups(racers, worse, rule)];
}

// Times a function: a few runs to warm up, then as many as the median needs, within a time limit.

import { setImmediate } from 'node:timers/promises';
import { medianUncertainty } from './summary.ts';

export interface TimingLimits {
  /** For warming up and timing together; the run that exceeds it is the last. */
  seconds: number;
  /** Number of untimed runs at the start, which allocate memory and fill caches. */
  warmUp: number;
  minRuns: number;
  maxRuns: number;
  /** Timing stops when the relative uncertainty of the median is this small. */
  precision: number;
}

export const timingDefaults: TimingLimits = {
  seconds: 15,
  warmUp: 3,
  minRuns: 10,
  maxRuns: 300,
  precision: 0.01,
};

/**
 * Times `run` repeatedly. Warming up takes at most a third of the time limit, or one run. The event loop turns between
 * runs, so signals are handled and promises settle.
 * @param clock returns the time in milliseconds
 * @returns the milliseconds of each timed run, at least one
 */
export async function timeRuns(
  run: () => void | Promise<void>,
  limits: TimingLimits = timingDefaults,
  clock: () => number = () => performance.now(),
): Promise<number[]> {
  const { seconds, warmUp, minRuns, maxRuns, precision } = limits;
  const start = clock();
  const elapsed = () => (clock() - start) / 1000;
  for (let index = 0; index < warmUp && (index === 0 || elapsed() < seconds / 3); index++) await run();

  const times: number[] = [];
  do {
    await setImmediate();
    const runStart = clock();
    await run();
    times.push(clock() - runStart);
    if (times.length >= minRuns && medianUncertainty(times) <= precision) break;
  } while (times.length < maxRuns && elapsed() < seconds);
  return times;
}

/**
 * Times functions in turns, so that what else a machine does slows all of them alike: in each turn every one once, in
 * every other turn in the opposite order.
 * @returns the milliseconds of each function's timed runs, as many for each
 */
export async function timeInTurns(
  runs: readonly (() => void | Promise<void>)[],
  { seconds, warmUp, minRuns, maxRuns }: Omit<TimingLimits, 'precision'>,
  clock: () => number = () => performance.now(),
): Promise<number[][]> {
  const times: number[][] = runs.map(() => []);
  const start = clock();
  const forward = [...runs.keys()];
  for (let turn = 0; turn < warmUp + maxRuns; turn++) {
    for (const which of turn % 2 === 0 ? forward : forward.toReversed()) {
      await setImmediate();
      const runStart = clock();
      await runs[which]!();
      if (turn >= warmUp) times[which]!.push(clock() - runStart);
    }
    if (turn - warmUp + 1 >= minRuns && clock() - start >= 1000 * seconds) break;
  }
  return times;
}

// When to stop timing: a few runs to warm up, then as many as the median needs, within a limit of seconds.

import { setImmediate } from 'node:timers/promises';
import { medianUncertainty } from './summary.ts';

export interface TimingLimits {
  /** For warming up and timing together; the run that passes it is the last. */
  seconds: number;
  /** Runs that are not timed: memory is taken, caches and clocks come up. */
  warmUp: number;
  leastRuns: number;
  mostRuns: number;
  /** The median is good enough when it is certain to this share of itself. */
  precision: number;
}

export const timingDefaults: TimingLimits = {
  seconds: 15,
  warmUp: 3,
  leastRuns: 10,
  mostRuns: 300,
  precision: 0.01,
};

/**
 * Milliseconds of each timed run, at least one: warming up takes at most a third of the seconds or one run.
 * Between runs the event loop turns, so that signals are heard and promises settle.
 * @param clock in milliseconds
 */
export async function timeRuns(
  run: () => void | Promise<void>,
  limits: TimingLimits = timingDefaults,
  clock: () => number = () => performance.now(),
): Promise<number[]> {
  const { seconds, warmUp, leastRuns, mostRuns, precision } = limits;
  const started = clock();
  const spent = () => (clock() - started) / 1000;
  for (let index = 0; index < warmUp && (index === 0 || spent() < seconds / 3); index++) await run();

  const times: number[] = [];
  do {
    await setImmediate();
    const before = clock();
    await run();
    times.push(clock() - before);
    if (times.length >= leastRuns && medianUncertainty(times) <= precision) break;
  } while (times.length < mostRuns && spent() < seconds);
  return times;
}

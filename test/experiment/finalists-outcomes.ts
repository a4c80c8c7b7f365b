// What the finalists of the tests reach, by trial and run.

import { RandomStream } from '../../src/random/stream.ts';

/** This trial's trainings fail. */
export const failing = 5;

/** Trials 0 to 3 are about as good as each other, the later ones worse and worse. */
export function accuracyOf(trial: number, run: number): number {
  const noise = new RandomStream(`trial ${trial}, run ${run}`).uniform() - 0.5;
  return 0.8 - 0.05 * Math.max(0, trial - 3) + 0.02 * noise + 0.03 * (run % 3);
}

// Normally distributed random numbers.

import type { RandomStream } from './stream.ts';

/** Returns a normally distributed number with mean 0 and standard deviation 1 (Box and Muller). */
export const normal = (random: Pick<RandomStream, 'uniform'>): number =>
  Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());

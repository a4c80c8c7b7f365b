// Samples until a candidate is within the limits.

import { Failure } from '../failure.ts';

/** Whether decisions are within the search's limits; a function of only the decisions. */
export type Accepts = (decisions: readonly number[]) => boolean;

const maxAttempts = 1000;

/** Returns the first accepted sample. @throws Failure if a thousand samples are not accepted */
export function sampleWithin<Sample>(
  accepts: Accepts,
  sample: (attempt: number) => Sample,
  decisionsOf: (sample: Sample) => readonly number[],
): Sample {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const candidate = sample(attempt);
    if (accepts(decisionsOf(candidate))) return candidate;
  }
  throw new Failure(
    `none of ${maxAttempts} sampled architectures is within the limits: raise them, or report architectures beyond them to the strategy so that the strategy learns the limits`,
    { code: 'none-within-limits' },
  );
}

// Uniform sampling, as in random search: every decision is uniform and independent (paper, section 4.4).

import type { RandomStream } from '../random/stream.ts';
import { decisionSizes } from './decisions.ts';
import type { Space } from './search-space.ts';

/** Samples 10B decisions, each uniform over its values. */
export function sampleDecisions(random: Pick<RandomStream, 'integer'>, blocks?: number, space?: Space): number[] {
  return decisionSizes(blocks, space).map((size) => random.integer(size));
}

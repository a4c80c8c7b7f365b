// Uniform random search's draw: every decision uniform and independent (paper, section 4.4).

import type { RandomStream } from '../random/stream.ts';
import { decisionSizes, defaultBlocks } from './decisions.ts';

/** 10B decisions, each uniform over its values. */
export function sampleDecisions(random: Pick<RandomStream, 'integer'>, blocks: number = defaultBlocks): number[] {
  return decisionSizes(blocks).map((size) => random.integer(size));
}

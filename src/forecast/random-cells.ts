// Cells such as a search begins with, to measure and to estimate with.

import { RandomStream } from '../random/stream.ts';
import type { Accepts } from '../search/sample-within.ts';
import { sampleDecisions } from '../space/sample.ts';
import type { SearchSettings } from '../study/settings.ts';

const sampled = 60;

const mostDraws = 2000;

/** Cells such as the search begins with: random ones within its limits, always the same. Of limits that hardly any keeps, few. */
export function randomCells({ space, blocks }: SearchSettings, accepts: Accepts = () => true): number[][] {
  const random = new RandomStream('estimate');
  const cells: number[][] = [];
  let first: number[] | undefined;
  for (let draw = 0; cells.length < sampled && draw < mostDraws; draw++) {
    const decisions = sampleDecisions(random.split(`cell ${draw}`), blocks, space);
    first ??= decisions;
    if (accepts(decisions)) cells.push(decisions);
  }
  return cells.length > 0 ? cells : [first!];
}

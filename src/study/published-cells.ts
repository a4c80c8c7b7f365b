// The published cells as the decisions of a search: given as its first trials, and named where they are found again.

import { InputError } from '../failure.ts';
import { type Architecture, type Cell, outputStates } from '../space/architecture.ts';
import { architectureKey } from '../space/canonical.ts';
import { decode, encode } from '../space/decisions.ts';
import { published } from '../space/published.ts';
import type { Space } from '../space/search-space.ts';

/** The cell with the outputs of the paper's rule: decisions know no list of them. */
export const underRule = (cell: Cell): Cell => (cell.output === 'states' ? cell : { blocks: cell.blocks });

/** Whether its listed outputs are those of the rule. */
export function followsRule(cell: Cell): boolean {
  const sorted = (states: number[]) => states.sort((a, b) => a - b).join();
  return sorted(outputStates(cell)) === sorted(outputStates(underRule(cell)));
}

/** Decisions of each published architecture that is one of the space with so many blocks. */
export function publishedDecisions(space: Space, blocks: number): number[][] {
  return Object.values(published).flatMap((architecture) => {
    const decisions = decisionsOf(architecture, space, blocks);
    return decisions ? [decisions] : [];
  });
}

/** The name of the published architecture that is the same network; undefined for any other. */
export function publishedName(decisions: readonly number[], space: Space, blocks: number): string | undefined {
  const key = architectureKey(decode(decisions, space));
  return Object.keys(published).find((name) => {
    const own = decisionsOf(published[name]!, space, blocks);
    return own !== undefined && architectureKey(decode(own, space)) === key;
  });
}

function decisionsOf({ normal, reduction }: Architecture, space: Space, blocks: number): number[] | undefined {
  if (normal.blocks.length !== blocks || reduction.blocks.length !== blocks) return undefined;
  try {
    return encode({ normal: underRule(normal), reduction: underRule(reduction) }, space);
  } catch (error) {
    if (error instanceof InputError) return undefined; // it has an operation that the space has not
    throw error;
  }
}

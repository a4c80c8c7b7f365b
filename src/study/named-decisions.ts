// The named cells as decisions of a search: its known first trials, and the names of trials that are the same
// network.

import { InputError } from '../failure.ts';
import { type Architecture, type Cell, outputStates } from '../space/architecture.ts';
import { architectureKey } from '../space/canonical.ts';
import { decode, encode } from '../space/decisions.ts';
import { namedCells } from '../space/named-cells.ts';
import type { Space } from '../space/search-space.ts';

/** Returns the cell with outputs by the paper's rule, since decisions cannot express a list of outputs. */
const underRule = (cell: Cell): Cell => (cell.output === 'states' ? cell : { blocks: cell.blocks });

/**
 * Returns the decisions of an architecture with outputs by the paper's rule.
 * @throws InputError if it is not of the space
 */
export const encodeUnderRule = ({ normal, reduction }: Architecture, space: Space): number[] =>
  encode({ normal: underRule(normal), reduction: underRule(reduction) }, space);

/** Whether the listed outputs of a cell are those of the rule. */
export function followsRule(cell: Cell): boolean {
  const sorted = (states: number[]) => states.sort((a, b) => a - b).join();
  return sorted(outputStates(cell)) === sorted(outputStates(underRule(cell)));
}

/** Returns the decisions of each named architecture that belongs to the space and has this number of blocks. */
export function namedDecisions(space: Space, blocks: number): number[][] {
  return Object.keys(namedCells).flatMap((name) => {
    const decisions = decisionsOf(name, space, blocks);
    return decisions ? [decisions] : [];
  });
}

/** Returns the name of the named architecture that is the same network; undefined if there is none. */
export function nameOfCell(decisions: readonly number[], space: Space, blocks: number): string | undefined {
  const key = architectureKey(decode(decisions, space));
  return Object.keys(namedCells).find((name) => {
    const own = decisionsOf(name, space, blocks);
    return own !== undefined && architectureKey(decode(own, space)) === key;
  });
}

/** Returns the decisions of a named architecture; undefined if it is not of the space or has other blocks. */
export function decisionsOf(name: string, space: Space, blocks: number): number[] | undefined {
  const architecture = namedCells[name]!;
  const { normal, reduction } = architecture;
  if (normal.blocks.length !== blocks || reduction.blocks.length !== blocks) return undefined;
  try {
    return encodeUnderRule(architecture, space);
  } catch (error) {
    if (error instanceof InputError) return undefined; // it has an operation that the space lacks
    throw error;
  }
}

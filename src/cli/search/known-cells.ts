// The cells of `search --known`, as the decisions that stand for them.

import { InputError } from '../../failure.ts';
import { parseArchitectureSource } from '../../plan/model-name.ts';
import { type Architecture, type Cell, outputStates } from '../../space/architecture.ts';
import { encode } from '../../space/decisions.ts';
import type { Space } from '../../space/search-space.ts';
import { readArchitecture } from '../flags/model-source.ts';

/**
 * Decisions of each named architecture, in the space. Decisions know no output list: where a cell has one that is not the paper's rule (NASNet-A
 * as released), its blocks are taken under the rule, and `note` says so.
 * @throws InputError for what is no architecture of the space, or has another number of blocks
 */
export async function readKnown(
  names: string[],
  { space, blocks }: { space: Space; blocks: number },
  note: (line: string) => void = () => {},
): Promise<number[][]> {
  const found: number[][] = [];
  for (const name of names) {
    const { normal, reduction } = await readArchitecture(parseArchitectureSource(name));
    const counts = [normal.blocks.length, reduction.blocks.length];
    if (counts.some((count) => count !== blocks)) {
      throw new InputError(`--known ${name}: expected cells of ${blocks} blocks, got ${counts.join(' and ')}`);
    }
    found.push(encoded(name, { normal: underRule(normal), reduction: underRule(reduction) }, space));
    if ([normal, reduction].some((cell) => !followsRule(cell)))
      note(`${name}: its listed outputs are replaced by the paper's rule.`);
  }
  return found;
}

const underRule = (cell: Cell): Cell => (cell.output === 'states' ? cell : { blocks: cell.blocks });

function followsRule(cell: Cell): boolean {
  const sorted = (states: number[]) => states.sort((a, b) => a - b).join();
  return sorted(outputStates(cell)) === sorted(outputStates(underRule(cell)));
}

function encoded(name: string, architecture: Architecture, space: Space): number[] {
  try {
    return encode(architecture, space);
  } catch (error) {
    throw error instanceof InputError ? new InputError(`--known ${name}: ${error.message}`) : error;
  }
}

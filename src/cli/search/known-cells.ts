// Encodes the cells of `search --known` as decisions.

import { InputError } from '../../failure.ts';
import { parseArchitectureSource } from '../../plan/model-name.ts';
import type { Architecture } from '../../space/architecture.ts';
import type { Space } from '../../space/search-space.ts';
import { encodeUnderRule, followsRule } from '../../study/named-decisions.ts';
import { readArchitecture } from '../flags/model-source.ts';

/**
 * Returns the decisions of each named architecture. Decisions have no output list: if a cell has one that differs from
 * the paper's rule (as the released NASNet-A), its blocks are used with the rule, and `note` is called.
 * @throws InputError if an architecture is not of the space or has another number of blocks
 */
export async function readKnown(
  names: string[],
  { space, blocks }: { space: Space; blocks: number },
  note: (line: string) => void = () => {},
): Promise<number[][]> {
  const cells: number[][] = [];
  for (const name of names) {
    const architecture = await readArchitecture(parseArchitectureSource(name));
    const { normal, reduction } = architecture;
    const counts = [normal.blocks.length, reduction.blocks.length];
    if (counts.some((count) => count !== blocks)) {
      throw new InputError(`--known ${name}: expected cells of ${blocks} blocks, got ${counts.join(' and ')}`);
    }
    cells.push(encoded(name, architecture, space));
    if ([normal, reduction].some((cell) => !followsRule(cell)))
      note(`${name}: its listed outputs are replaced by the paper's rule.`);
  }
  return cells;
}

function encoded(name: string, architecture: Architecture, space: Space): number[] {
  try {
    return encodeUnderRule(architecture, space);
  } catch (error) {
    throw error instanceof InputError ? new InputError(`--known ${name}: ${error.message}`) : error;
  }
}

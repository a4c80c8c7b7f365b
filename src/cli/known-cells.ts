// The cells of `search --known`, as the decisions that stand for them.

import { InputError } from '../failure.ts';
import type { Architecture } from '../space/architecture.ts';
import { encode } from '../space/decisions.ts';
import { parseArchitectureSource } from '../space/model-name.ts';
import { readArchitecture } from './model-source.ts';

/**
 * Decisions of each named architecture. Decisions know no output list: where a cell has one that is not the paper's rule (NASNet-A
 * as released), its blocks are taken under the rule, and `note` says so.
 * @throws InputError for what is no architecture, or has another number of blocks
 */
export async function readKnown(names: string[], blocks: number, note: (line: string) => void): Promise<number[][]> {
  const found: number[][] = [];
  for (const name of names) {
    const { normal, reduction } = await readArchitecture(parseArchitectureSource(name));
    const counts = [normal.blocks.length, reduction.blocks.length];
    if (counts.some((count) => count !== blocks)) {
      throw new InputError(`--known ${name}: expected cells of ${blocks} blocks, got ${counts.join(' and ')}`);
    }
    found.push(
      underRule({ normal, reduction }, () => note(`${name}: its listed outputs are replaced by the paper's rule.`)),
    );
  }
  return found;
}

function underRule(architecture: Architecture, onReplaced: () => void): number[] {
  try {
    return encode(architecture);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    onReplaced();
    const { normal, reduction } = architecture;
    return encode({ normal: { blocks: normal.blocks }, reduction: { blocks: reduction.blocks } });
  }
}

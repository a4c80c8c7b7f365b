// The three search spaces of the paper as a table: A of section 3.1, B and C of appendix B. What differs is which combiners a
// block may have and how a cell's states leave it; operations and decisions are the same (decisions.ts).

import { InputError } from '../failure.ts';
import type { Cell } from './architecture.ts';
import { type Combiner, combiners } from './operations.ts';

export interface SearchSpace {
  /** What a block's last decision chooses from, in the order of its values, which studies store. */
  readonly combiners: readonly Combiner[];
  /** B, the blocks of a cell, where nothing else is asked for. */
  readonly blocks: number;
  /** 'unread': created states that no block reads are concatenated. 'states': each is handed on, and a cell is given as many. */
  readonly output: 'unread' | 'states';
}

export const spaces = {
  a: { combiners: ['add', 'concat'], blocks: 5, output: 'unread' },
  b: { combiners, blocks: 4, output: 'states' },
  c: { combiners, blocks: 5, output: 'unread' },
} as const satisfies Record<string, SearchSpace>;

export type SpaceName = keyof typeof spaces;
export const spaceNames = Object.keys(spaces) as SpaceName[];

/** The space of studies that name none, and of whatever does not ask for another. */
export const defaultSpace = 'a' satisfies SpaceName;

/** @throws InputError for a name that is none of theirs */
export function parseSpace(text: string, where: string): SpaceName {
  if (Object.hasOwn(spaces, text)) return text as SpaceName;
  throw new InputError(`${where}: expected one of ${spaceNames.join(', ')}, got ${JSON.stringify(text)}`);
}

/** What a cell of this many blocks has in the space beside its blocks. */
export function cellForm({ output }: SearchSpace, blocks: number): Pick<Cell, 'inputs' | 'output'> {
  return output === 'states' ? { inputs: blocks, output } : {};
}

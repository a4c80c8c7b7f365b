// Search spaces as values: which operations and combiners a block may have, and how a cell's states leave it (decisions.ts). The three
// of the paper as a table: A of section 3.1, B and C of appendix B, which have the same operations; and how one makes one's own.

import { InputError } from '../failure.ts';
import type { Cell } from './architecture.ts';
import { type Combiner, combiners, type OperationTable, operations } from './operations.ts';
import { parseOperations } from './parse.ts';

export interface SearchSpace {
  /** Absent in the paper's. */
  readonly name?: string;
  /** What an operation's decision chooses from, in the order of its values. */
  readonly operations: OperationTable;
  /** What a block's last decision chooses from, in the order of its values, which studies store. */
  readonly combiners: readonly Combiner[];
  /** B, the blocks of a cell, where nothing else is asked for. */
  readonly blocks: number;
  /** 'unread': created states that no block reads are concatenated. 'states': each is handed on, and a cell is given as many. */
  readonly output: 'unread' | 'states';
}

export const spaces = {
  a: { operations, combiners: ['add', 'concat'], blocks: 5, output: 'unread' },
  b: { operations, combiners, blocks: 4, output: 'states' },
  c: { operations, combiners, blocks: 5, output: 'unread' },
} as const satisfies Record<string, SearchSpace>;

export type SpaceName = keyof typeof spaces;
export const spaceNames = Object.keys(spaces) as SpaceName[];

/** The space of studies that name none, and of whatever does not ask for another. */
export const defaultSpace = 'a' satisfies SpaceName;

/** A space of one's own. */
export type NamedSpace = SearchSpace & { readonly name: string };

/** One of the paper's by its name, or one's own by value, as studies store it. */
export type Space = SpaceName | SearchSpace;

export const spaceOf = (space: Space = defaultSpace): SearchSpace =>
  typeof space === 'string' ? spaces[space] : space;

/** How many operations the table had when studies did not yet say; more come at its end. */
export const firstOperations = 13;

/**
 * One of the paper's spaces with the first so many operations of the table, which is what it was to a study that began with so many: by name
 * where that is the whole table, else by value.
 */
export function spaceWith(name: SpaceName, count: number): Space {
  const table = Object.entries(operations);
  return count === table.length
    ? name
    : { ...spaces[name], name, operations: Object.fromEntries(table.slice(0, count)) };
}

/** `A`, `B`, `C`, or the name of one's own. */
export const spaceLabel = (space: Space): string =>
  typeof space === 'string' ? space.toUpperCase() : (space.name ?? 'without a name');

/** The space's operations that are not in the table of operations.ts; undefined where there is none. */
export function ownOperations(space: SearchSpace): OperationTable | undefined {
  const own = Object.entries(space.operations).filter(([name]) => !Object.hasOwn(operations, name));
  return own.length > 0 ? Object.fromEntries(own) : undefined;
}

/**
 * A search space of one's own.
 * @param space.name for reports
 * @param space.operations in the order of their decisions: `{ ...operations, sep_conv_9x9: { kind: 'separable', kernel: 9 } }`, or a part of
 * them. A name of the paper's operations means what it means there
 * @param space.combiners default: 'add' and 'concat', as the paper's space A
 * @param space.blocks B where a study asks for no other number. Default 5
 * @param space.output default 'unread': the created states that no block reads are concatenated
 * @returns the space as plain JSON; a study stores it
 * @throws InputError for no operation, one that cannot be, a combiner that there is not or twice
 */
export function defineSpace(space: Partial<SearchSpace> & Pick<NamedSpace, 'name' | 'operations'>): NamedSpace {
  const { name, operations: table, combiners: joining = spaces.a.combiners, blocks = 5, output = 'unread' } = space;
  if (typeof name !== 'string' || name === '')
    throw new InputError(`name: expected a name for reports, got ${JSON.stringify(name)}`);
  const defined = parseOperations(table, 'operations', 'space');
  if (!Array.isArray(joining) || joining.length === 0 || new Set(joining).size < joining.length)
    throw new InputError(`combiners: expected one or more, each once, got ${JSON.stringify(joining)}`);
  for (const combiner of joining)
    if (!combiners.includes(combiner))
      throw new InputError(`combiners: expected one of ${combiners.join(', ')}, got ${JSON.stringify(combiner)}`);
  if (!Number.isSafeInteger(blocks) || blocks < 1)
    throw new InputError(`blocks: expected a whole number of at least 1, got ${blocks}`);
  if (output !== 'unread' && output !== 'states')
    throw new InputError(`output: expected "unread" or "states", got ${JSON.stringify(output)}`);
  return { name, operations: defined, combiners: [...joining], blocks, output };
}

/** @throws InputError for a name that is none of theirs */
export function parseSpace(text: string, where: string): SpaceName {
  if (Object.hasOwn(spaces, text)) return text as SpaceName;
  throw new InputError(`${where}: expected one of ${spaceNames.join(', ')}, got ${JSON.stringify(text)}`);
}

/** What a cell of this many blocks has in the space beside its blocks. */
export function cellForm({ output }: SearchSpace, blocks: number): Pick<Cell, 'inputs' | 'output'> {
  return output === 'states' ? { inputs: blocks, output } : {};
}

// Search spaces as values: the operations and combiners that a block can have, and the output rule of a cell
// (decisions.ts). The three spaces of the paper (A in section 3.1, B and C in appendix B, all with the same
// operations), and custom spaces.

import { InputError } from '../failure.ts';
import type { Cell } from './architecture.ts';
import { type Combiner, combiners, type OperationTable, operations } from './operations.ts';
import { parseOperations } from './parse.ts';

export interface SearchSpace {
  /** Absent in the paper's spaces. */
  readonly name?: string;
  /** The choices of an operation's decision, in the order of its values. */
  readonly operations: OperationTable;
  /** The choices of a block's last decision, in the order of its values, which studies store. */
  readonly combiners: readonly Combiner[];
  /** B, the default number of blocks of a cell. */
  readonly blocks: number;
  /**
   * 'unread': a cell concatenates the created states that no block reads. 'states': it passes on every created state by
   * itself, and has as many inputs.
   */
  readonly output: 'unread' | 'states';
}

export const spaces = {
  a: { operations, combiners: ['add', 'concat'], blocks: 5, output: 'unread' },
  b: { operations, combiners, blocks: 4, output: 'states' },
  c: { operations, combiners, blocks: 5, output: 'unread' },
} as const satisfies Record<string, SearchSpace>;

export type SpaceName = keyof typeof spaces;
export const spaceNames = Object.keys(spaces) as SpaceName[];

/** The default space, also of studies that store none. */
export const defaultSpace = 'a' satisfies SpaceName;

/** A custom space. */
export type NamedSpace = SearchSpace & { readonly name: string };

/** The name of one of the paper's spaces, or a custom space by value, as studies store it. */
export type Space = SpaceName | SearchSpace;

export const spaceOf = (space: Space = defaultSpace): SearchSpace =>
  typeof space === 'string' ? spaces[space] : space;

/** How many operations the table had when studies did not yet say; more come at its end. */
export const firstOperations = 13;

/**
 * One of the paper's spaces with the first so many operations of the table, which is what it was to a study that began
 * with so many: by name where that is the whole table, else by value.
 */
export function spaceWith(name: SpaceName, count: number): Space {
  const table = Object.entries(operations);
  return count === table.length
    ? name
    : { ...spaces[name], name, operations: Object.fromEntries(table.slice(0, count)) };
}

/** Returns `A`, `B`, `C`, or the name of a custom space. */
export const spaceLabel = (space: Space): string =>
  typeof space === 'string' ? space.toUpperCase() : (space.name ?? 'without a name');

/** Returns the space's operations that are not in the table of operations.ts; undefined if there is none. */
export function ownOperations(space: SearchSpace): OperationTable | undefined {
  const own = Object.entries(space.operations).filter(([name]) => !Object.hasOwn(operations, name));
  return own.length > 0 ? Object.fromEntries(own) : undefined;
}

/**
 * Defines a custom search space.
 * @param space.name the name in reports
 * @param space.operations in the order of the decision's values: `{ ...operations, sep_conv_9x9: { kind: 'separable',
 *   kernel: 9 } }`, or only some of the table. An operation of the table keeps its meaning
 * @param space.combiners default 'add' and 'concat', as in the paper's space A
 * @param space.blocks B, the default number of blocks of a study. Default 5
 * @param space.output default 'unread': a cell concatenates the created states that no block reads
 * @returns the space as plain JSON, which a study stores
 * @throws InputError if there is no operation, an operation is invalid, or a combiner is unknown or listed twice
 */
export function defineSpace(space: Partial<SearchSpace> & Pick<NamedSpace, 'name' | 'operations'>): NamedSpace {
  const {
    name,
    operations: table,
    combiners: combinerNames = spaces.a.combiners,
    blocks = 5,
    output = 'unread',
  } = space;
  if (typeof name !== 'string' || name === '')
    throw new InputError(`name: expected a name for reports, got ${JSON.stringify(name)}`);
  const operationTable = parseOperations(table, 'operations', 'space');
  if (!Array.isArray(combinerNames) || combinerNames.length === 0 || new Set(combinerNames).size < combinerNames.length)
    throw new InputError(`combiners: expected one or more, each once, got ${JSON.stringify(combinerNames)}`);
  for (const combiner of combinerNames)
    if (!combiners.includes(combiner))
      throw new InputError(`combiners: expected one of ${combiners.join(', ')}, got ${JSON.stringify(combiner)}`);
  if (!Number.isSafeInteger(blocks) || blocks < 1)
    throw new InputError(`blocks: expected a whole number of at least 1, got ${blocks}`);
  if (output !== 'unread' && output !== 'states')
    throw new InputError(`output: expected "unread" or "states", got ${JSON.stringify(output)}`);
  return { name, operations: operationTable, combiners: [...combinerNames], blocks, output };
}

/** Parses the name of one of the paper's spaces. @throws InputError for any other text */
export function parseSpace(text: string, where: string): SpaceName {
  if (Object.hasOwn(spaces, text)) return text as SpaceName;
  throw new InputError(`${where}: expected one of ${spaceNames.join(', ')}, got ${JSON.stringify(text)}`);
}

/** Returns the `inputs` and `output` of the space's cells with this many blocks. */
export function cellForm({ output }: SearchSpace, blocks: number): Pick<Cell, 'inputs' | 'output'> {
  return output === 'states' ? { inputs: blocks, output } : {};
}

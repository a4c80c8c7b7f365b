// Architecture ↔ the 2 × 5B numbers that a strategy decides (paper, section 3.1): first the normal cell, then the
// reduction cell; in a cell block by block; in a block input 1, input 2, operation 1, operation 2, combiner. What they may be
// and what they mean depends on the search space.

import { InputError } from '../failure.ts';
import type { Architecture, Block, Cell } from './architecture.ts';
import { inputCount, outputStates } from './architecture.ts';
import {
  cellForm,
  defaultSpace,
  ownOperations,
  type SearchSpace,
  type Space,
  spaceLabel,
  spaceOf,
  spaces,
} from './search-space.ts';

/** B, the blocks of a cell, where nothing else is asked for (paper, section 3.1). */
export const defaultBlocks = spaces[defaultSpace].blocks;
const decisionsPerBlock = 5;

export type DecisionKind = 'input' | 'operation' | 'combiner';

/** What the decision at this place is about. */
export function decisionKind(index: number): DecisionKind {
  const place = index % decisionsPerBlock;
  return place < 2 ? 'input' : place < 4 ? 'operation' : 'combiner';
}

/** How many values each decision can take: 10B numbers, such as [2, 2, 13, 13, 2, 3, 3, 13, 13, 2, …] in space A. */
export function decisionSizes(blocks?: number, space: Space = defaultSpace): number[] {
  const { combiners, operations, blocks: usual } = spaceOf(space);
  const count = blocks ?? usual;
  const first = inputCount({ ...cellForm(spaceOf(space), count), blocks: [] });
  const names = Object.keys(operations);
  const cell = Array.from({ length: count }, (_, index) => [
    index + first,
    index + first,
    names.length,
    names.length,
    combiners.length,
  ]).flat();
  return [...cell, ...cell];
}

/**
 * The architecture that 10B decisions stand for. Its cells follow the space's output rule.
 * @throws InputError when the count is no multiple of 10 or a decision is out of its range
 */
export function decode(decisions: readonly number[], space: Space = defaultSpace): Architecture {
  const blocks = decisions.length / (2 * decisionsPerBlock);
  if (!Number.isInteger(blocks) || blocks < 1) {
    throw new InputError(`decisions: expected 10 numbers a block, got ${decisions.length} numbers`);
  }
  decisionSizes(blocks, space).forEach((size, index) => {
    const decision = decisions[index]!;
    if (Number.isInteger(decision) && decision >= 0 && decision < size) return;
    throw new InputError(`decisions[${index}]: expected a whole number from 0 to ${size - 1}, got ${decision}`);
  });
  const half = decisions.length / 2;
  const [normal, reduction] = [decisions.slice(0, half), decisions.slice(half)];
  const from = spaceOf(space);
  const own = ownOperations(from);
  return { normal: decodeCell(normal, from), reduction: decodeCell(reduction, from), ...(own && { operations: own }) };
}

function decodeCell(decisions: readonly number[], space: SearchSpace): Cell {
  const blocks: Block[] = [];
  const names = Object.keys(space.operations);
  for (let at = 0; at < decisions.length; at += decisionsPerBlock) {
    const [left, right, first, second, combine] = decisions.slice(at, at + decisionsPerBlock);
    blocks.push({
      inputs: [left!, right!],
      operations: [names[first!]!, names[second!]!],
      combine: space.combiners[combine!]!,
    });
  }
  return { ...cellForm(space, blocks.length), blocks };
}

/**
 * The decisions that decode to this architecture.
 * @throws InputError for what no decisions of the space express: cells of different block counts, an output that is not the
 * rule's, a combiner or an operation of another space
 */
export function encode(architecture: Architecture, space: Space = defaultSpace): number[] {
  const { normal, reduction } = architecture;
  if (normal.blocks.length !== reduction.blocks.length) {
    const counts = `${normal.blocks.length} and ${reduction.blocks.length}`;
    throw new InputError(`reduction.blocks: expected as many blocks as in the normal cell, got ${counts}`);
  }
  return [...encodeCell(normal, space, 'normal'), ...encodeCell(reduction, space, 'reduction')];
}

function encodeCell(cell: Cell, space: Space, where: string): number[] {
  const { combiners, output, operations: table } = spaceOf(space);
  const names = Object.keys(table);
  const label = typeof space === 'string' ? space : spaceLabel(space);
  if ((cell.output === 'states') !== (output === 'states')) {
    const [states, one] = ['each created state handed on', 'one output'];
    const [expected, got] = output === 'states' ? [states, one] : [one, states];
    throw new InputError(`${where}.output: expected ${expected}, as in space ${label}, got ${got}`);
  }
  const rule = outputStates({ ...cellForm(spaceOf(space), cell.blocks.length), blocks: cell.blocks });
  const listed = outputStates(cell).sort((a, b) => a - b);
  if (rule.join() !== listed.join()) {
    throw new InputError(`${where}.output: expected the unread states ${rule.join(', ')}, got ${listed.join(', ')}`);
  }
  return cell.blocks.flatMap(({ inputs, operations, combine }, index) => {
    const combiner = combiners.indexOf(combine);
    if (combiner < 0) {
      const expected = `one of ${combiners.join(', ')}, as in space ${label}`;
      throw new InputError(`${where}.blocks[${index}].combine: expected ${expected}, got ${combine}`);
    }
    const chosen = operations.map((name, side) => {
      const place = names.indexOf(name);
      if (place >= 0) return place;
      const expected = `one of ${names.join(', ')}, as in space ${label}`;
      throw new InputError(`${where}.blocks[${index}].operations[${side}]: expected ${expected}, got ${name}`);
    });
    return [...inputs, ...chosen, combiner];
  });
}

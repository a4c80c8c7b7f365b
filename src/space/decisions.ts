// Converts between an architecture and the 2 × 5B decisions of a strategy (paper, section 3.1): first the normal cell,
// then the reduction cell; in a cell block by block; in a block input 1, input 2, operation 1, operation 2, combiner.
// The search space determines their values and meanings.

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

/** B, the default number of blocks of a cell (paper, section 3.1). */
export const defaultBlocks = spaces[defaultSpace].blocks;
const decisionsPerBlock = 5;

export type DecisionKind = 'input' | 'operation' | 'combiner';

/** Returns what the decision at this index chooses. */
export function decisionKind(index: number): DecisionKind {
  const place = index % decisionsPerBlock;
  return place < 2 ? 'input' : place < 4 ? 'operation' : 'combiner';
}

/** Returns the number of values of each of the 10B decisions: [2, 2, 13, 13, 2, 3, 3, 13, 13, 2, …] in space A. */
export function decisionSizes(blocks?: number, space: Space = defaultSpace): number[] {
  const { combiners, operations, blocks: defaultCount } = spaceOf(space);
  const count = blocks ?? defaultCount;
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
 * Returns the architecture that 10B decisions encode. Its cells follow the space's output rule.
 * @throws InputError if the count is not a multiple of 10 or a decision is out of range
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
 * Returns the decisions that decode to this architecture.
 * @throws InputError if no decisions of the space express it: its cells have different block counts, its output does
 *   not follow the rule, or it has a combiner or an operation of another space
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
    const [states, one] = ['each created state passed on', 'one output'];
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
    const operationIndices = operations.map((name, side) => {
      const place = names.indexOf(name);
      if (place >= 0) return place;
      const expected = `one of ${names.join(', ')}, as in space ${label}`;
      throw new InputError(`${where}.blocks[${index}].operations[${side}]: expected ${expected}, got ${name}`);
    });
    return [...inputs, ...operationIndices, combiner];
  });
}

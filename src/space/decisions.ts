// Architecture ↔ the 2 × 5B numbers that a strategy decides (paper, section 3.1): first the normal cell, then the
// reduction cell; in a cell block by block; in a block input 1, input 2, operation 1, operation 2, combiner. What they may be
// and what they mean depends on the search space.

import { InputError } from '../failure.ts';
import type { Architecture, Block, Cell } from './architecture.ts';
import { inputCount, outputStates } from './architecture.ts';
import { operationNames } from './operations.ts';
import { cellForm, defaultSpace, type SearchSpace, type SpaceName, spaces } from './search-space.ts';

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
export function decisionSizes(blocks?: number, space: SpaceName = defaultSpace): number[] {
  const { combiners } = spaces[space];
  const count = blocks ?? spaces[space].blocks;
  const first = inputCount({ ...cellForm(spaces[space], count), blocks: [] });
  const cell = Array.from({ length: count }, (_, index) => [
    index + first,
    index + first,
    operationNames.length,
    operationNames.length,
    combiners.length,
  ]).flat();
  return [...cell, ...cell];
}

/**
 * The architecture that 10B decisions stand for. Its cells follow the space's output rule.
 * @throws InputError when the count is no multiple of 10 or a decision is out of its range
 */
export function decode(decisions: readonly number[], space: SpaceName = defaultSpace): Architecture {
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
  return { normal: decodeCell(normal, spaces[space]), reduction: decodeCell(reduction, spaces[space]) };
}

function decodeCell(decisions: readonly number[], space: SearchSpace): Cell {
  const blocks: Block[] = [];
  for (let at = 0; at < decisions.length; at += decisionsPerBlock) {
    const [left, right, first, second, combine] = decisions.slice(at, at + decisionsPerBlock);
    blocks.push({
      inputs: [left!, right!],
      operations: [operationNames[first!]!, operationNames[second!]!],
      combine: space.combiners[combine!]!,
    });
  }
  return { ...cellForm(space, blocks.length), blocks };
}

/**
 * The decisions that decode to this architecture.
 * @throws InputError for what no decisions of the space express: cells of different block counts, an output that is not the
 * rule's, a combiner of another space
 */
export function encode(architecture: Architecture, space: SpaceName = defaultSpace): number[] {
  const { normal, reduction } = architecture;
  if (normal.blocks.length !== reduction.blocks.length) {
    const counts = `${normal.blocks.length} and ${reduction.blocks.length}`;
    throw new InputError(`reduction.blocks: expected as many blocks as in the normal cell, got ${counts}`);
  }
  return [...encodeCell(normal, space, 'normal'), ...encodeCell(reduction, space, 'reduction')];
}

function encodeCell(cell: Cell, space: SpaceName, where: string): number[] {
  const { combiners, output }: SearchSpace = spaces[space];
  if ((cell.output === 'states') !== (output === 'states')) {
    const [states, one] = ['each created state handed on', 'one output'];
    const [expected, got] = output === 'states' ? [states, one] : [one, states];
    throw new InputError(`${where}.output: expected ${expected}, as in space ${space}, got ${got}`);
  }
  const rule = outputStates({ ...cellForm(spaces[space], cell.blocks.length), blocks: cell.blocks });
  const listed = outputStates(cell).sort((a, b) => a - b);
  if (rule.join() !== listed.join()) {
    throw new InputError(`${where}.output: expected the unread states ${rule.join(', ')}, got ${listed.join(', ')}`);
  }
  return cell.blocks.flatMap(({ inputs, operations, combine }, index) => {
    const combiner = combiners.indexOf(combine);
    if (combiner < 0) {
      const expected = `one of ${combiners.join(', ')}, as in space ${space}`;
      throw new InputError(`${where}.blocks[${index}].combine: expected ${expected}, got ${combine}`);
    }
    return [...inputs, ...operations.map((name) => operationNames.indexOf(name)), combiner];
  });
}

// Architecture ↔ the 2 × 5B numbers that a strategy decides (paper, section 3.1): first the normal cell, then the
// reduction cell; in a cell block by block; in a block input 1, input 2, operation 1, operation 2, combiner.

import { InputError } from '../failure.ts';
import type { Architecture, Block, Cell } from './architecture.ts';
import { outputStates } from './architecture.ts';
import { combiners, operationNames } from './operations.ts';

/** B, the blocks of a cell, where nothing else is asked for (paper, section 3.1). */
export const defaultBlocks = 5;
const decisionsPerBlock = 5;

export type DecisionKind = 'input' | 'operation' | 'combiner';

/** What the decision at this place is about. */
export function decisionKind(index: number): DecisionKind {
  const place = index % decisionsPerBlock;
  return place < 2 ? 'input' : place < 4 ? 'operation' : 'combiner';
}

/** How many values each decision can take: 10B numbers, such as [2, 2, 13, 13, 2, 3, 3, 13, 13, 2, …]. */
export function decisionSizes(blocks: number = defaultBlocks): number[] {
  const cell = Array.from({ length: blocks }, (_, index) => [
    index + 2,
    index + 2,
    operationNames.length,
    operationNames.length,
    combiners.length,
  ]).flat();
  return [...cell, ...cell];
}

/**
 * The architecture that 10B decisions stand for. Its cells follow the paper's output rule.
 * @throws InputError when the count is no multiple of 10 or a decision is out of its range
 */
export function decode(decisions: readonly number[]): Architecture {
  const blocks = decisions.length / (2 * decisionsPerBlock);
  if (!Number.isInteger(blocks) || blocks < 1) {
    throw new InputError(`decisions: expected 10 numbers a block, got ${decisions.length} numbers`);
  }
  decisionSizes(blocks).forEach((size, index) => {
    const decision = decisions[index]!;
    if (Number.isInteger(decision) && decision >= 0 && decision < size) return;
    throw new InputError(`decisions[${index}]: expected a whole number from 0 to ${size - 1}, got ${decision}`);
  });
  const half = decisions.length / 2;
  return { normal: decodeCell(decisions.slice(0, half)), reduction: decodeCell(decisions.slice(half)) };
}

function decodeCell(decisions: readonly number[]): Cell {
  const blocks: Block[] = [];
  for (let at = 0; at < decisions.length; at += decisionsPerBlock) {
    const [left, right, first, second, combine] = decisions.slice(at, at + decisionsPerBlock);
    blocks.push({
      inputs: [left!, right!],
      operations: [operationNames[first!]!, operationNames[second!]!],
      combine: combiners[combine!]!,
    });
  }
  return { blocks };
}

/**
 * The decisions that decode to this architecture.
 * @throws InputError for what no decisions express: cells of different block counts, an output list that is not the rule's
 */
export function encode(architecture: Architecture): number[] {
  const { normal, reduction } = architecture;
  if (normal.blocks.length !== reduction.blocks.length) {
    const counts = `${normal.blocks.length} and ${reduction.blocks.length}`;
    throw new InputError(`reduction.blocks: expected as many blocks as in the normal cell, got ${counts}`);
  }
  return [...encodeCell(normal, 'normal'), ...encodeCell(reduction, 'reduction')];
}

function encodeCell(cell: Cell, where: string): number[] {
  const rule = outputStates({ blocks: cell.blocks });
  const listed = outputStates(cell).sort((a, b) => a - b);
  if (rule.join() !== listed.join()) {
    throw new InputError(`${where}.output: expected the unread states ${rule.join(', ')}, got ${listed.join(', ')}`);
  }
  return cell.blocks.flatMap(({ inputs, operations, combine }) => [
    ...inputs,
    ...operations.map((name) => operationNames.indexOf(name)),
    combiners.indexOf(combine),
  ]);
}

// A cell and an architecture as plain data (paper, section 3), and the questions that the data alone can answer.
// Nothing here touches tensors or layers: plan.ts lays a network out, model/ builds it.
//
// Hidden states of a cell: 0 is h_i (the current input), 1 is h_{i-1} (the previous input), 2, 3, … the blocks' results.

import type { Combiner, OperationName } from './operations.ts';

/** combine(operations[0](state inputs[0]), operations[1](state inputs[1])) */
export interface Block {
  readonly inputs: readonly [number, number];
  readonly operations: readonly [OperationName, OperationName];
  readonly combine: Combiner;
}

export interface Cell {
  readonly blocks: readonly Block[];
  /** States that the cell's output concatenates. Absent: the paper's rule, the created states that no block reads. */
  readonly output?: readonly number[];
}

export interface Architecture {
  readonly normal: Cell;
  readonly reduction: Cell;
}

/** The hidden state that block `index` of a cell creates. */
export const createdState = (index: number): number => index + 2;

/** The states that the cell's output concatenates, in ascending order under the rule, as listed when listed. */
export function outputStates(cell: Cell): number[] {
  if (cell.output) return [...cell.output];
  const read = new Set(cell.blocks.flatMap((block) => block.inputs));
  return cell.blocks.map((_, index) => createdState(index)).filter((state) => !read.has(state));
}

/** How many times f channels a state has at the cell's output: 2 for a concatenation, else 1. */
export const stateWidth = (cell: Cell, state: number): 1 | 2 => (cell.blocks[state - 2]?.combine === 'concat' ? 2 : 1);

/** The cell's output channels in units of its filters f: 6 for NASNet-A's normal cell, so that P = 6 · 4F. */
export function outputWidth(cell: Cell): number {
  return outputStates(cell).reduce((sum, state) => sum + stateWidth(cell, state), 0);
}

/** The states that reach the cell's output. What is not among them is never computed. */
export function liveStates(cell: Cell): Set<number> {
  const live = new Set(outputStates(cell));
  for (let index = cell.blocks.length - 1; index >= 0; index--) {
    if (!live.has(createdState(index))) continue;
    for (const state of cell.blocks[index]!.inputs) live.add(state);
  }
  return live;
}

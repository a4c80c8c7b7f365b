// A cell and an architecture as plain data (paper, section 3), and the questions that the data alone can answer.
// Nothing here touches tensors or layers: plan/plan.ts lays a network out, model/ builds it.
//
// Hidden states of a cell: 0 is h_i (the current input), 1 is h_{i-1} (the previous input), 2, 3, … the blocks' results. A cell
// that hands its states on one by one (NASNet-B) has as many inputs as blocks: 0 to B-1, then the blocks' results.

import type { Combiner, OperationName, OperationTable } from './operations.ts';

/** combine(operations[0](state inputs[0]), operations[1](state inputs[1])) */
export interface Block {
  readonly inputs: readonly [number, number];
  readonly operations: readonly [OperationName, OperationName];
  readonly combine: Combiner;
}

export interface Cell {
  /** How many states it is given; absent: 2. Others have 'states' as their output, and as many blocks as this. */
  readonly inputs?: number;
  readonly blocks: readonly Block[];
  /**
   * States that the cell's output concatenates. Absent: the paper's rule, the created states that no block reads. 'states':
   * nothing is concatenated, created state k becomes input k of the cell k + 1 places ahead.
   */
  readonly output?: readonly number[] | 'states';
}

export interface Architecture {
  readonly normal: Cell;
  readonly reduction: Cell;
  /** Operations of its space that are not in the table of operations.ts, whether its cells have them or not. */
  readonly operations?: OperationTable;
}

/** How many states a cell is given. */
export const inputCount = (cell: Cell): number => cell.inputs ?? 2;

/** The hidden state that block `index` of a cell creates. */
export const createdState = (cell: Cell, index: number): number => inputCount(cell) + index;

/** The block that creates a state; undefined for the cell's inputs. */
export const blockOf = (cell: Cell, state: number): Block | undefined => cell.blocks[state - inputCount(cell)];

/** The states that leave the cell, in ascending order under the rule, as listed when listed; all created ones for 'states'. */
export function outputStates(cell: Cell): number[] {
  const created = cell.blocks.map((_, index) => createdState(cell, index));
  if (cell.output === 'states') return created;
  if (cell.output) return [...cell.output];
  const read = new Set(cell.blocks.flatMap((block) => block.inputs));
  return created.filter((state) => !read.has(state));
}

/** Something that a cell gives to others: some of its states, concatenated. */
export interface CellResult {
  readonly name: string;
  readonly states: readonly number[];
}

/**
 * What a cell of this name gives: its output under that name; of one that hands on its states also each of them, `NAME.0`,
 * `NAME.1`, …
 */
export function cellResults(cell: Cell, name: string): CellResult[] {
  const states = outputStates(cell);
  const single = cell.output === 'states' ? states : [];
  return [{ name, states }, ...single.map((state, index) => ({ name: stateName(name, index), states: [state] }))];
}

/** What the state that block `index` of a cell creates is called by other cells. */
export const stateName = (cell: string, index: number): string => `${cell}.${index}`;

/** How many times f channels a state has at the cell's output: 2 for a concatenation, else 1. */
export const stateWidth = (cell: Cell, state: number): 1 | 2 => (blockOf(cell, state)?.combine === 'concat' ? 2 : 1);

/** The cell's output channels in units of its filters f: 6 for NASNet-A's normal cell, so that P = 6 · 4F. */
export function outputWidth(cell: Cell): number {
  return outputStates(cell).reduce((sum, state) => sum + stateWidth(cell, state), 0);
}

/** The states that reach the cell's output, or those of its states that are wanted. What is not among them is never computed. */
export function liveStates(cell: Cell, wanted: readonly number[] = outputStates(cell)): Set<number> {
  const live = new Set(wanted);
  for (let index = cell.blocks.length - 1; index >= 0; index--) {
    if (!live.has(createdState(cell, index))) continue;
    for (const state of cell.blocks[index]!.inputs) live.add(state);
  }
  return live;
}

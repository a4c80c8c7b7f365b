// A cell and an architecture as plain data (paper, section 3), and functions that need only these data.
// Nothing here touches tensors or layers: plan/plan.ts lays a network out, model/ builds it.
//
// Hidden states of a cell: 0 is h_i (the current input), 1 is h_{i-1} (the previous input), 2, 3, … are the blocks'
// results. A cell that passes on its states one by one (NASNet-B) has as many inputs as blocks: 0 to B-1, then the
// blocks' results.

import type { Combiner, OperationName, OperationTable } from './operations.ts';

/** Computes combine(operations[0](state inputs[0]), operations[1](state inputs[1])). */
export interface Block {
  readonly inputs: readonly [number, number];
  readonly operations: readonly [OperationName, OperationName];
  readonly combine: Combiner;
}

export interface Cell {
  /** The number of input states. Default 2; a cell whose output is 'states' has as many inputs as blocks. */
  readonly inputs?: number;
  readonly blocks: readonly Block[];
  /**
   * The states that the output concatenates. Default: the paper's rule, the created states that no block reads.
   * 'states': nothing is concatenated, and created state k becomes input k of the cell k + 1 places ahead.
   */
  readonly output?: readonly number[] | 'states';
}

export interface Architecture {
  readonly normal: Cell;
  readonly reduction: Cell;
  /** The custom operations of its space (those not in operations.ts), whether or not its cells use them. */
  readonly operations?: OperationTable;
}

/** Returns the block that adds one operation's result of a state and another one's. */
export const added = (left: OperationName, input1: number, right: OperationName, input2: number): Block => ({
  inputs: [input1, input2],
  operations: [left, right],
  combine: 'add',
});

/** Returns the number of a cell's input states. */
export const inputCount = (cell: Cell): number => cell.inputs ?? 2;

/** Returns the number of the hidden state that block `index` creates. */
export const createdState = (cell: Cell, index: number): number => inputCount(cell) + index;

/** Returns the block that creates a state; undefined for the cell's inputs. */
export const blockOf = (cell: Cell, state: number): Block | undefined => cell.blocks[state - inputCount(cell)];

/**
 * Returns the cell's output states: the listed ones in their order, else the created states that no block reads in
 * ascending order; for 'states' all created states.
 */
export function outputStates(cell: Cell): number[] {
  const created = cell.blocks.map((_, index) => createdState(cell, index));
  if (cell.output === 'states') return created;
  if (cell.output) return [...cell.output];
  const read = new Set(cell.blocks.flatMap((block) => block.inputs));
  return created.filter((state) => !read.has(state));
}

/** A result that other cells can read: one or more states, concatenated. */
export interface CellResult {
  readonly name: string;
  readonly states: readonly number[];
}

/**
 * Returns the results of a cell of this name: its output under that name; if it passes on its states, also each of them
 * as `NAME.0`, `NAME.1`, …
 */
export function cellResults(cell: Cell, name: string): CellResult[] {
  const states = outputStates(cell);
  const single = cell.output === 'states' ? states : [];
  return [{ name, states }, ...single.map((state, index) => ({ name: stateName(name, index), states: [state] }))];
}

/** Returns the name under which other cells read the state that block `index` creates. */
export const stateName = (cell: string, index: number): string => `${cell}.${index}`;

/** Returns a state's channels at the cell's output in units of f: 2 for a concatenation, else 1. */
const stateWidth = (cell: Cell, state: number): 1 | 2 => (blockOf(cell, state)?.combine === 'concat' ? 2 : 1);

/** Returns the cell's output channels in units of its filters f: 6 for NASNet-A's normal cell, so P = 6 · 4F. */
export function outputWidth(cell: Cell): number {
  return outputStates(cell).reduce((sum, state) => sum + stateWidth(cell, state), 0);
}

/**
 * Returns the states that `targets` (default: the output states) depend on, the targets included. Other states are
 * never computed.
 */
export function liveStates(cell: Cell, targets: readonly number[] = outputStates(cell)): Set<number> {
  const live = new Set(targets);
  for (let index = cell.blocks.length - 1; index >= 0; index--) {
    if (!live.has(createdState(cell, index))) continue;
    for (const state of cell.blocks[index]!.inputs) live.add(state);
  }
  return live;
}

// What differs between two cells: the blocks of one are matched with those of the other so that as little as possible
// differs. Where the matched blocks compute the same, nothing is marked.

import { operationLabel } from '../../draw/cell-graph.ts';
import { type Block, type Cell, createdState, inputCount } from '../../space/architecture.ts';
import type { OperationTable } from '../../space/operations.ts';

export interface CellDifference {
  /** Ids of boxes (draw/cell-graph.ts) that the other cell does not have, of each of the two. */
  marked: [Set<string>, Set<string>];
  /** One line for each block that differs. */
  lines: string[];
}

/** Tried in every order up to so many blocks: 5,040 orders of 7. */
const mostForAllOrders = 7;

export function compareCells(first: Cell, second: Cell, own?: OperationTable): CellDifference {
  const orders = ordersOf(first.blocks.length, second.blocks.length);
  let best: { order: number[]; cost: number } | undefined;
  for (const order of orders) {
    const cost = order.reduce(
      (sum, partner, block) => sum + differences(first, second, block, partner, order).count,
      0,
    );
    if (!best || cost < best.cost) best = { order, cost };
    if (best.cost === 0) break;
  }
  return describe(first, second, best?.order ?? [], own);
}

/** For each block of the first cell the block of the second that it is matched with, in every order. */
function ordersOf(first: number, second: number): number[][] {
  const partners = Array.from({ length: second }, (_, index) => index);
  if (first !== second || first > mostForAllOrders) return [Array.from({ length: first }, (_, index) => index)];
  const orders: number[][] = [];
  const extend = (order: number[]) => {
    if (order.length === first) return void orders.push(order);
    for (const partner of partners) if (!order.includes(partner)) extend([...order, partner]);
  };
  extend([]);
  return orders;
}

interface BlockDifference {
  count: number;
  /** Whether the halves of the second block are read in the other order. */
  swapped: boolean;
  sides: { input: boolean; operation: boolean }[];
  combine: boolean;
}

function differences(
  first: Cell,
  second: Cell,
  block: number,
  partner: number,
  order: readonly number[],
): BlockDifference {
  const [own, other] = [first.blocks[block]!, second.blocks[partner]];
  if (!other)
    return { count: 5, swapped: false, sides: [0, 1].map(() => ({ input: true, operation: true })), combine: true };
  const plain = sidesOf(first, second, own, other, order, false);
  const swapped = sidesOf(first, second, own, other, order, true);
  const combine = own.combine !== other.combine;
  const count = (sides: BlockDifference['sides']) =>
    sides.reduce((sum, { input, operation }) => sum + Number(input) + Number(operation), 0);
  const isSwapped = count(swapped) < count(plain);
  const sides = isSwapped ? swapped : plain;
  return { count: count(sides) + Number(combine), swapped: isSwapped, sides, combine };
}

function sidesOf(first: Cell, second: Cell, own: Block, other: Block, order: readonly number[], swapped: boolean) {
  return [0, 1].map((side) => {
    const across = swapped ? 1 - side : side;
    return {
      input: !matches(first, second, own.inputs[side]!, other.inputs[across]!, order),
      operation: own.operations[side] !== other.operations[across],
    };
  });
}

function matches(first: Cell, second: Cell, state: number, other: number, order: readonly number[]): boolean {
  const [inputs, others] = [inputCount(first), inputCount(second)];
  if (state < inputs || other < others) return state === other;
  return order[state - inputs] === other - others;
}

function describe(first: Cell, second: Cell, order: readonly number[], own?: OperationTable): CellDifference {
  const marked: [Set<string>, Set<string>] = [new Set(), new Set()];
  const lines: string[] = [];
  first.blocks.forEach((block, index) => {
    const partner = order[index]!;
    const { count, swapped, sides, combine } = differences(first, second, index, partner, order);
    if (count === 0) return;
    const [state, otherState] = [createdState(first, index), createdState(second, partner)];
    sides.forEach(({ input, operation }, side) => {
      if (!input && !operation) return;
      marked[0].add(`operation-${state}-${side}`);
      marked[1].add(`operation-${otherState}-${swapped ? 1 - side : side}`);
    });
    if (combine) {
      marked[0].add(`state-${state}`);
      marked[1].add(`state-${otherState}`);
    }
    const other = second.blocks[partner];
    lines.push(
      `block ${index + 1}: ${blockWords(first, block, own)} → ${other ? blockWords(second, other, own) : 'none'}`,
    );
  });
  for (const [index, block] of second.blocks.entries())
    if (!order.includes(index)) lines.push(`only in the other: ${blockWords(second, block, own)}`);
  return { marked, lines };
}

const blockWords = (cell: Cell, { inputs, operations, combine }: Block, own?: OperationTable) =>
  `${combine}(${inputs.map((input, side) => `${operationLabel(operations[side]!, own)} of ${stateWords(cell, input)}`).join(', ')})`;

/** Returns "h_i", "h_i−1" or "block 2". */
export const stateWords = (cell: Cell, state: number): string => {
  const inputs = inputCount(cell);
  if (state >= inputs) return `block ${state - inputs + 1}`;
  return state === 0 ? 'h_i' : `h_i−${state}`;
};

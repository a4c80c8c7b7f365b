// The canonical form of an architecture: one spelling for all that describe the same network. What may differ: which half of a
// block stands left (under concat this permutes channels, which the next 1×1 undoes), how independent blocks are numbered, the
// order of the concatenated outputs, and blocks that do not reach the output. Where a cell hands its states on one by one, a
// block's number says which cell reads its state: only the halves may differ. Plain data; nothing is built.

import {
  type Architecture,
  type Block,
  blockOf,
  type Cell,
  createdState,
  inputCount,
  liveStates,
  outputStates,
} from './architecture.ts';
import { combiners, type OperationTable, operationRank } from './operations.ts';

/** The architecture itself, its blocks and halves in canonical order, its output list spelled out in ascending order. */
export function canonicalArchitecture({ normal, reduction, operations: own }: Architecture): Architecture {
  return {
    normal: canonicalCell(normal, own),
    reduction: canonicalCell(reduction, own),
    ...(own && { operations: own }),
  };
}

/** Two architectures have the same key if and only if they are the same network. About 120 characters for B = 5. */
export function architectureKey(architecture: Architecture): string {
  const { normal, reduction, operations: own } = canonicalArchitecture(architecture);
  return `${printKey(normal, own)} | ${printKey(reduction, own)}`;
}

const printKey = ({ blocks, output }: Cell, own: OperationTable | undefined) =>
  [...blocks.map((block) => blockRow(block, own).join('.')), output].join(' ');

/** The inputs keep their numbers. */
const ownNumbers = (cell: Cell) => new Map(Array.from({ length: inputCount(cell) }, (_, state) => [state, state]));

/**
 * Blocks are numbered one after the other: among those whose inputs have their numbers, the smallest row comes next. Equal rows
 * are tried in every order, so that the spelling is the smallest one of all, whatever the cell's own numbering was.
 */
export function canonicalCell(cell: Cell, own?: OperationTable): Cell {
  const created = cell.blocks.map((_, index) => createdState(cell, index));
  if (cell.output === 'states') {
    const numbering = new Map([...ownNumbers(cell), ...created.map((state): [number, number] => [state, state])]);
    return { ...cell, blocks: cell.blocks.map((block) => renumbered(block, numbering, own)!) };
  }
  const live = liveStates(cell);
  return smallest(
    cell,
    ownNumbers(cell),
    created.filter((state) => live.has(state)),
    [],
    own,
  );
}

function smallest(
  cell: Cell,
  numbering: Map<number, number>,
  remaining: number[],
  blocks: Block[],
  own: OperationTable | undefined,
): Cell {
  if (remaining.length === 0) {
    const output = outputStates(cell).map((state) => numbering.get(state)!);
    return { blocks, output: output.sort((a, b) => a - b) };
  }
  const candidates = remaining.flatMap((state) => {
    const block = renumbered(blockOf(cell, state)!, numbering, own);
    return block ? [{ state, block, row: blockRow(block, own) }] : [];
  });
  const least = candidates.map(({ row }) => row).reduce((a, b) => (compare(b, a) < 0 ? b : a));
  const tied = candidates.filter(({ row }) => compare(row, least) === 0);
  const spellings = tied.map(({ state, block }) => {
    const numbered = new Map(numbering).set(state, createdState(cell, blocks.length));
    return smallest(
      cell,
      numbered,
      remaining.filter((other) => other !== state),
      [...blocks, block],
      own,
    );
  });
  return spellings.reduce((a, b) => (compare(cellRow(b, own), cellRow(a, own)) < 0 ? b : a));
}

/** The block in the new numbers, the smaller half left; undefined while an input has no number yet. */
function renumbered(
  { inputs, operations, combine }: Block,
  numbering: Map<number, number>,
  own: OperationTable | undefined,
): Block | undefined {
  const [left, right] = inputs.map((state) => numbering.get(state));
  if (left === undefined || right === undefined) return undefined;
  const [first, second] = operations.map((name) => operationRank(name, own)) as [number, number];
  const swap = compare([right, second], [left, first]) < 0;
  return {
    inputs: swap ? [right, left] : [left, right],
    operations: swap ? [operations[1], operations[0]] : operations,
    combine,
  };
}

/** A block as numbers that order blocks: what decisions.ts would decide. */
function blockRow({ inputs, operations, combine }: Block, own: OperationTable | undefined): number[] {
  return [...inputs, ...operations.map((name) => operationRank(name, own)), combiners.indexOf(combine)];
}

const cellRow = (cell: Cell, own: OperationTable | undefined): number[] => [
  ...cell.blocks.flatMap((block) => blockRow(block, own)),
  ...outputStates(cell),
];

/** Lexicographic, of rows of equal length. */
function compare(a: readonly number[], b: readonly number[]): number {
  const place = a.findIndex((value, index) => value !== b[index]);
  return place < 0 ? 0 : a[place]! - b[place]!;
}

// The canonical form of an architecture: one form for all architectures that describe the same network. They may differ
// in the order of a block's halves (under concat this permutes channels, which the next 1×1 undoes), in the numbering
// of independent blocks, in the order of the concatenated outputs, and in blocks that do not reach the output. If a
// cell passes on its states one by one, a block's number determines which cell reads its state, so only the order of
// the halves may differ.

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
import { decode } from './decisions.ts';
import { combiners, type OperationTable, operationRank } from './operations.ts';
import type { Space } from './search-space.ts';

/** Returns the architecture with its blocks and halves in canonical order and its output listed in ascending order. */
export function canonicalArchitecture({ normal, reduction, operations: own }: Architecture): Architecture {
  return {
    normal: canonicalCell(normal, own),
    reduction: canonicalCell(reduction, own),
    ...(own && { operations: own }),
  };
}

/**
 * Returns a key that two architectures share if and only if they are the same network. About 120 characters for B = 5.
 */
export function architectureKey(architecture: Architecture): string {
  const { normal, reduction, operations: own } = canonicalArchitecture(architecture);
  return `${printKey(normal, own)} | ${printKey(reduction, own)}`;
}

/** Returns the `architectureKey` of the decoded decisions. @throws InputError as `decode` does */
export const decisionsKey = (decisions: readonly number[], space?: Space): string =>
  architectureKey(decode(decisions, space));

const printKey = ({ blocks, output }: Cell, own: OperationTable | undefined) =>
  [...blocks.map((block) => blockRow(block, own).join('.')), output].join(' ');

/** A numbering in which the inputs keep their numbers. */
const inputNumbers = (cell: Cell) => new Map(Array.from({ length: inputCount(cell) }, (_, state) => [state, state]));

/**
 * Returns a cell in canonical form. Blocks are nextNumbering one after the other: of the blocks whose inputs have
 * numbers, the one with the smallestForm row is next. Equal rows are tried in every order, so the result is the
 * smallestForm form, whatever the cell's numbering was.
 */
export function canonicalCell(cell: Cell, own?: OperationTable): Cell {
  const created = cell.blocks.map((_, index) => createdState(cell, index));
  if (cell.output === 'states') {
    const numbering = new Map([...inputNumbers(cell), ...created.map((state): [number, number] => [state, state])]);
    return { ...cell, blocks: cell.blocks.map((block) => renumber(block, numbering, own)!) };
  }
  const live = liveStates(cell);
  return smallestForm(
    cell,
    inputNumbers(cell),
    created.filter((state) => live.has(state)),
    [],
    own,
  );
}

function smallestForm(
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
    const block = renumber(blockOf(cell, state)!, numbering, own);
    return block ? [{ state, block, row: blockRow(block, own) }] : [];
  });
  const smallestRow = candidates.map(({ row }) => row).reduce((a, b) => (compare(b, a) < 0 ? b : a));
  const tied = candidates.filter(({ row }) => compare(row, smallestRow) === 0);
  const forms = tied.map(({ state, block }) => {
    const nextNumbering = new Map(numbering).set(state, createdState(cell, blocks.length));
    return smallestForm(
      cell,
      nextNumbering,
      remaining.filter((other) => other !== state),
      [...blocks, block],
      own,
    );
  });
  return forms.reduce((a, b) => (compare(cellRow(b, own), cellRow(a, own)) < 0 ? b : a));
}

/** Returns the block in the new numbers, the smaller half left; undefined if an input has no number yet. */
function renumber(
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

/** Returns a block as the numbers by which blocks are ordered: inputs, operations, combiner. */
function blockRow({ inputs, operations, combine }: Block, own: OperationTable | undefined): number[] {
  return [...inputs, ...operations.map((name) => operationRank(name, own)), combiners.indexOf(combine)];
}

const cellRow = (cell: Cell, own: OperationTable | undefined): number[] => [
  ...cell.blocks.flatMap((block) => blockRow(block, own)),
  ...outputStates(cell),
];

/** Compares rows of equal length lexicographically. */
function compare(a: readonly number[], b: readonly number[]): number {
  const place = a.findIndex((value, index) => value !== b[index]);
  return place < 0 ? 0 : a[place]! - b[place]!;
}

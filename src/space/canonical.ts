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
import { combiners, type OperationTable, operationRank } from './operations.ts';

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

const printKey = ({ blocks, output }: Cell, own: OperationTable | undefined) =>
  [...blocks.map((block) => blockRow(block, own).join('.')), output].join(' ');

/** A numbering in which the inputs keep their numbers. */
const inputNumbers = (cell: Cell) => new Map(Array.from({ length: inputCount(cell) }, (_, state) => [state, state]));

/**
 * Returns a cell in canonical form. Blocks are numbered one after the other: of the blocks whose inputs have
 * numbers, the one with the smallest row is next. Equal rows are tried in every order that may differ, so the result is
 * the smallest form, whatever the cell's numbering was.
 */
export function canonicalCell(cell: Cell, own?: OperationTable): Cell {
  const created = cell.blocks.map((_, index) => createdState(cell, index));
  if (cell.output === 'states') {
    const numbering = new Map([...inputNumbers(cell), ...created.map((state): [number, number] => [state, state])]);
    return { ...cell, blocks: cell.blocks.map((block) => renumber(block, numbering, own)!) };
  }
  const live = liveStates(cell);
  const remaining = created.filter((state) => live.has(state));
  return smallestForm({ cell, own, numbering: inputNumbers(cell), blocks: [], remaining });
}

/** A cell in which some blocks have numbers and rows. */
interface PartialForm {
  cell: Cell;
  own: OperationTable | undefined;
  numbering: ReadonlyMap<number, number>;
  blocks: readonly Block[];
  /** States without a number. */
  remaining: readonly number[];
}

/**
 * Returns the smallest form that a partial form can become. If two equal rows lead to the same first form, a symmetry
 * of the cell maps one to the other, so only one is tried. Without this, ten equal blocks would need 3.6 million
 * orders.
 */
function smallestForm(partial: PartialForm): Cell {
  const next = withNextBlock(partial);
  if (next.length === 0) return wholeForm(partial);
  const { own } = partial;
  const tried = new Set<string>();
  let smallest: Cell | undefined;
  for (const each of next) {
    const first = next.length === 1 ? '' : cellRow(firstForm(each), own).join(' ');
    if (tried.has(first)) continue;
    tried.add(first);
    const found = smallestForm(each);
    if (!smallest || compare(cellRow(found, own), cellRow(smallest, own)) < 0) smallest = found;
  }
  return smallest!;
}

/** Returns the form that results from always choosing the first of equal rows. */
function firstForm(partial: PartialForm): Cell {
  const [first] = withNextBlock(partial);
  return first ? firstForm(first) : wholeForm(partial);
}

function wholeForm({ cell, numbering, blocks }: PartialForm): Cell {
  const output = outputStates(cell).map((state) => numbering.get(state)!);
  return { blocks: [...blocks], output: output.sort((a, b) => a - b) };
}

/**
 * Returns the partial forms with the smallest possible next row, one for each block with that row; empty if no block is
 * left.
 */
function withNextBlock(partial: PartialForm): PartialForm[] {
  const { cell, own, numbering, blocks, remaining } = partial;
  const candidates = remaining.flatMap((state) => {
    const block = renumber(blockOf(cell, state)!, numbering, own);
    return block ? [{ state, block, row: blockRow(block, own) }] : [];
  });
  const [some] = candidates;
  if (!some) return [];
  const smallestRow = candidates.map(({ row }) => row).reduce((a, b) => (compare(b, a) < 0 ? b : a), some.row);
  return candidates
    .filter(({ row }) => compare(row, smallestRow) === 0)
    .map(({ state, block }) => ({
      ...partial,
      numbering: new Map(numbering).set(state, createdState(cell, blocks.length)),
      blocks: [...blocks, block],
      remaining: remaining.filter((other) => other !== state),
    }));
}

/** Returns the block in the new numbers, the smaller half left; undefined if an input has no number yet. */
function renumber(
  { inputs, operations, combine }: Block,
  numbering: ReadonlyMap<number, number>,
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

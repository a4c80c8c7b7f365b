// Features of an architecture from which the surrogate predicts its reward: how its two cells are connected, and how
// often each operation occurs in them. Counts, depths and widths only, so they exist in every space.

import type { RandomStream } from '../random/stream.ts';
import { type Architecture, type Cell, inputCount, outputStates } from '../space/architecture.ts';
import { decode } from '../space/decisions.ts';
import { type Space, spaceOf } from '../space/search-space.ts';

const sampleCount = 200; // random architectures to measure the scale of a feature on
const structureScale = 2; // deviation of a structural feature next to 1 of an operation's count
const smallestDeviation = 1e-9; // of a feature that is the same in all cells

/** Returns the features of decisions, scaled. The same function for the same space, on every machine. */
export class CellFeatures {
  readonly #space: Space;
  readonly #operations: readonly string[];
  readonly #columns: readonly { index: number; mean: number; factor: number }[];

  /** @param random the source of the random architectures on which features are scaled */
  constructor(sizes: readonly number[], space: Space, random: RandomStream) {
    this.#space = space;
    this.#operations = Object.keys(spaceOf(space).operations);
    const rows = Array.from({ length: sampleCount }, () => this.#raw(sizes.map((size) => random.integer(size))));
    this.#columns = rows[0]!.flatMap(({ scale }, index) => {
      const values = rows.map((row) => row[index]!.value);
      const mean = values.reduce((sum, value) => sum + value, 0) / sampleCount;
      const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / sampleCount);
      return deviation < smallestDeviation ? [] : [{ index, mean, factor: scale / deviation }];
    });
  }

  get count(): number {
    return this.#columns.length;
  }

  /** Returns [count] numbers of mean 0 over random architectures. */
  of(decisions: readonly number[]): number[] {
    const raw = this.#raw(decisions);
    return this.#columns.map(({ index, mean, factor }) => (raw[index]!.value - mean) * factor);
  }

  #raw(decisions: readonly number[]): { value: number; scale: number }[] {
    const architecture = decode(decisions, this.#space);
    return [
      ...cellsOf(architecture)
        .flatMap(structure)
        .map((value) => ({ value, scale: structureScale })),
      ...cellsOf(architecture)
        .flatMap((cell) => operationCounts(cell, this.#operations))
        .map((value) => ({ value, scale: 1 })),
    ];
  }
}

const cellsOf = ({ normal, reduction }: Architecture): Cell[] => [normal, reduction];

/** Returns the count of each operation in a cell. */
function operationCounts({ blocks }: Cell, names: readonly string[]): number[] {
  const counts = new Array<number>(names.length).fill(0);
  for (const name of blocks.flatMap((block) => block.operations)) counts[names.indexOf(name)]! += 1;
  return counts;
}

/** Returns figures of a cell's graph: depths, outputs, widths, and what reads the cell's inputs. */
function structure(cell: Cell): number[] {
  const inputs = inputCount(cell);
  const { blocks } = cell;
  const longest = new Array<number>(inputs).fill(0); // operations from the cell's inputs to each state
  const shortest = new Array<number>(inputs).fill(0);
  const sources = Array.from({ length: inputs }, (_, state) => new Set([state])); // inputs that each state depends on
  for (const {
    inputs: [left, right],
  } of blocks) {
    longest.push(1 + Math.max(longest[left]!, longest[right]!));
    shortest.push(1 + Math.min(shortest[left]!, shortest[right]!));
    sources.push(new Set([...sources[left]!, ...sources[right]!]));
  }
  const outputs = outputStates(cell);
  const wide = blocks.map(({ combine }) => Number(combine === 'concat'));
  const wideOutputs = sum(outputs.map((state) => wide[state - inputs]!));
  const width = outputs.length + wideOutputs;
  const read = blocks.flatMap((block) => block.inputs);
  const reads = Array.from({ length: inputs }, (_, state) => read.filter((other) => other === state).length);
  return [
    Math.max(...longest),
    mean(longest.slice(inputs)),
    mean(outputs.map((state) => longest[state]!)),
    Math.max(...shortest),
    mean(shortest.slice(inputs)),
    outputs.length,
    Math.log(outputs.length),
    sum(wide),
    wideOutputs,
    width,
    Math.log(width),
    blocks.filter((block) => block.inputs[0] === block.inputs[1]).length,
    ...reads,
    ...reads.map((count) => Number(count > 0)),
    ...reads.map((_, state) => outputs.filter((output) => sources[output]!.has(state)).length / outputs.length),
  ];
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]) => sum(values) / values.length;

// The canonical form against rewritings that change nothing, changes that do, and brute force over whole small spaces.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planNetwork } from '../../src/plan/plan.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { type Architecture, type Block, type Cell, liveStates, outputStates } from '../../src/space/architecture.ts';
import { architectureKey, canonicalArchitecture, canonicalCell } from '../../src/space/canonical.ts';
import { decode, encode } from '../../src/space/decisions.ts';
import { type OperationName, operationNames } from '../../src/space/operations.ts';
import { nasnetA } from '../../src/space/published.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { spaces as searchSpaces } from '../../src/space/search-space.ts';

const sampled = (seed: number) => decode(sampleDecisions(new RandomStream(`canonical ${seed}`)));
const cellKey = (cell: Cell) => JSON.stringify(canonicalCell(cell));

/** Rewrites a cell: its blocks in another valid order, its halves and outputs shuffled. */
function rewritten(cell: Cell, random: RandomStream): Cell {
  const numbers = new Map([
    [0, 0],
    [1, 1],
  ]);
  const blocks: Block[] = [];
  while (blocks.length < cell.blocks.length) {
    const ready = cell.blocks.flatMap(({ inputs }, index) => {
      return !numbers.has(index + 2) && inputs.every((state) => numbers.has(state)) ? [index] : [];
    });
    const index = ready[random.integer(ready.length)]!;
    const { inputs, operations, combine } = cell.blocks[index]!;
    const swap = random.integer(2);
    const [left, right] = [inputs[swap]!, inputs[1 - swap]!].map((state) => numbers.get(state)!);
    blocks.push({
      inputs: [left!, right!],
      operations: [operations[swap]!, operations[1 - swap]!],
      combine,
    });
    numbers.set(index + 2, blocks.length + 1);
  }
  const output = outputStates(cell).map((state) => numbers.get(state)!);
  const order = random.shuffle(output.length);
  return { blocks, output: Array.from(order, (place) => output[place]!) };
}

/** Whether a renumbering of blocks and swapping of halves turns one cell into the other, by trying all. */
function sameByBruteForce(a: Cell, b: Cell): boolean {
  if (a.blocks.length !== b.blocks.length) return false;
  const half = ({ inputs, operations }: Block, side: 0 | 1, names: (state: number) => number) =>
    `${names(inputs[side])} ${operations[side]}`;
  const halves = (block: Block, names: (state: number) => number) =>
    [half(block, 0, names), half(block, 1, names)].sort().join(' , ');
  return permutations(a.blocks.length).some((to) => {
    const names = (state: number) => (state < 2 ? state : to[state - 2]! + 2);
    return (
      a.blocks.every((block, index) => {
        const other = b.blocks[to[index]!]!;
        return block.combine === other.combine && halves(block, names) === halves(other, (state) => state);
      }) && outputStates(a).map(names).sort().join() === outputStates(b).sort().join()
    );
  });
}

function permutations(count: number): number[][] {
  if (count === 0) return [[]];
  return permutations(count - 1).flatMap((rest) =>
    Array.from({ length: count }, (_, place) => [...rest.slice(0, place), count - 1, ...rest.slice(place)]),
  );
}

test('rewritings of one architecture have one key', () => {
  for (let seed = 0; seed < 300; seed++) {
    const architecture = seed === 0 ? nasnetA : sampled(seed);
    const random = new RandomStream(`rewrite ${seed}`);
    const other: Architecture = {
      normal: rewritten(architecture.normal, random),
      reduction: rewritten(architecture.reduction, random),
    };
    assert.equal(architectureKey(other), architectureKey(architecture), JSON.stringify({ architecture, other }));
  }
});

test('the canonical form has the same parameters and multiply-adds, and is its own canonical form', () => {
  for (let seed = 0; seed < 50; seed++) {
    const architecture = seed === 0 ? nasnetA : sampled(seed);
    const canonical = canonicalArchitecture(architecture);
    const [before, after] = [architecture, canonical].map((each) => planNetwork(each, { cells: 1, filters: 8 }));
    assert.equal(after!.trainableParameters, before!.trainableParameters);
    assert.equal(after!.multiplyAdds, before!.multiplyAdds);
    assert.deepEqual(canonicalArchitecture(canonical), canonical);
  }
});

test('one changed decision changes the key exactly when brute force finds no way to match the two', () => {
  let different = 0;
  for (let seed = 0; seed < 150; seed++) {
    const decisions = sampleDecisions(new RandomStream(`change ${seed}`), 5, 'c');
    const random = new RandomStream(`which ${seed}`);
    const place = random.integer(25); // of the normal cell
    const size = place % 5 < 2 ? Math.floor(place / 5) + 2 : place % 5 < 4 ? operationNames.length : 4;
    const changed = decisions.map((value, index) =>
      index === place ? (value + 1 + random.integer(size - 1)) % size : value,
    );
    const [a, b] = [decode(decisions, 'c').normal, decode(changed, 'c').normal];
    const same = sameByBruteForce(a, b);
    assert.equal(cellKey(a) === cellKey(b), same, JSON.stringify({ a, b }));
    if (!same) different++;
  }
  assert.ok(different > 140, `${different} of 150 changes made another network`);
});

test('another output list is another network', () => {
  const { blocks, output } = nasnetA.normal;
  const without = { blocks, output: (output as number[]).slice(1) };
  assert.notEqual(cellKey(without), cellKey(nasnetA.normal));
  assert.notEqual(cellKey({ blocks }), cellKey(nasnetA.normal), 'the rule leaves out state 1, which is listed');
});

test('an output list that equals the rule, and a block outside an output list, change nothing', () => {
  const { normal } = sampled(1);
  assert.equal(cellKey({ blocks: normal.blocks, output: outputStates(normal) }), cellKey(normal));
  const dead: Block = { inputs: [0, 1], operations: ['identity', 'conv_3x3'], combine: 'add' };
  assert.equal(cellKey({ blocks: [...normal.blocks, dead], output: outputStates(normal) }), cellKey(normal));
});

test('twin blocks stay two: sharing a result is not computing it twice', () => {
  const twin: Block = { inputs: [0, 1], operations: ['sep_conv_3x3', 'identity'], combine: 'add' };
  const join = (a: number, b: number): Block => ({
    inputs: [a, b],
    operations: ['identity', 'identity'],
    combine: 'add',
  });
  assert.notEqual(
    cellKey({ blocks: [twin, twin, join(2, 3)], output: [4] }),
    cellKey({ blocks: [twin, twin, join(2, 2)], output: [3, 4] }),
  );
});

// Whole spaces, small enough to compare every cell with every other by brute force.
const spaces: { blocks: number; names: OperationName[] }[] = [
  { blocks: 1, names: ['identity', 'sep_conv_3x3', 'max_pool_3x3'] },
  { blocks: 2, names: ['identity', 'sep_conv_3x3'] },
  { blocks: 3, names: ['conv_1x1'] },
];
for (const { blocks, names } of spaces) {
  test(`B = ${blocks}, ${names.join(', ')}: as many keys as classes of isomorphic graphs`, () => {
    const cells = enumerate(blocks, names);
    const buckets = new Map<string, Cell[]>(); // by an invariant, so that few cells need comparing
    for (const cell of cells) {
      const classes = buckets.get(invariant(cell)) ?? [];
      if (!classes.some((known) => sameByBruteForce(known, cell))) classes.push(cell);
      buckets.set(invariant(cell), classes);
    }
    const classes = [...buckets.values()].flat();
    assert.equal(new Set(cells.map(cellKey)).size, classes.length);
    assert.ok(classes.length < cells.length, `${cells.length} cells, ${classes.length} networks`);
  });
}

/** Returns every block's combiner, operations and number of readers, sorted. */
function invariant({ blocks }: Cell): string {
  const readers = (state: number) => blocks.flatMap(({ inputs }) => inputs).filter((input) => input === state).length;
  const rows = blocks.map(({ combine, operations }, index) =>
    [combine, [...operations].sort(), readers(index + 2)].join(),
  );
  return [readers(0), readers(1), ...rows.sort()].join(' ');
}

function enumerate(blocks: number, names: OperationName[]): Cell[] {
  if (blocks === 0) return [{ blocks: [] }];
  const states = Array.from({ length: blocks + 1 }, (_, state) => state);
  return enumerate(blocks - 1, names).flatMap((cell) =>
    states.flatMap((left) =>
      states.flatMap((right) =>
        names.flatMap((first) =>
          names.flatMap((second) =>
            searchSpaces.a.combiners.map((combine): Cell => {
              const block: Block = { inputs: [left, right], operations: [first, second], combine };
              return { blocks: [...cell.blocks, block] };
            }),
          ),
        ),
      ),
    ),
  );
}

test('every key of the full space is found again from its canonical form', () => {
  const architecture = sampled(7);
  assert.equal(architectureKey(decode(encode(architecture))), architectureKey(architecture));
  assert.equal(liveStates(canonicalCell(architecture.normal)).size, liveStates(architecture.normal).size);
});

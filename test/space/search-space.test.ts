// The spaces of NASNet-B and -C: decisions, files, canonical keys and plans, with figures by hand.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Plan, planNetwork, planParameters } from '../../src/plan/plan.ts';
import { RandomStream } from '../../src/random/stream.ts';
import type { Architecture, Cell } from '../../src/space/architecture.ts';
import { architectureKey } from '../../src/space/canonical.ts';
import { decisionSizes, decode, encode } from '../../src/space/decisions.ts';
import { combiners } from '../../src/space/operations.ts';
import { parseArchitecture, parseArchitectureText } from '../../src/space/parse.ts';
import { describeCell, printArchitecture } from '../../src/space/print.ts';
import { nasnetA } from '../../src/space/published.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { type SpaceName, spaceNames, spaces } from '../../src/space/search-space.ts';
import { smallB } from './small-b.ts';

const decisionsOf = (space: SpaceName, seed: number, blocks?: number) =>
  sampleDecisions(new RandomStream(`${space} ${seed}`), blocks, space);
const sampled = (space: SpaceName, seed: number) => decode(decisionsOf(space, seed), space);

test('decoding then encoding, printing then parsing, returns every architecture of every space', () => {
  for (const space of spaceNames) {
    for (let seed = 0; seed < 100; seed++) {
      const decisions = decisionsOf(space, seed, 1 + (seed % 6));
      const architecture = decode(decisions, space);
      assert.deepEqual(encode(architecture, space), decisions);
      assert.deepEqual(parseArchitectureText(printArchitecture(architecture)), architecture);
    }
  }
});

test('the sizes of the spaces follow from their rules', () => {
  const points = (space: SpaceName) => decisionSizes(undefined, space).reduce((all, size) => all * BigInt(size), 1n);
  assert.equal(points('b'), ((4n * 5n * 6n * 7n) ** 2n * 13n ** 8n * 4n ** 4n) ** 2n); // 4 states in, 4 blocks
  assert.equal(points('c'), ((2n * 3n * 4n * 5n * 6n) ** 2n * 13n ** 10n * 4n ** 5n) ** 2n);
});

test('studies from before there were three spaces keep their meaning: space A, 0 for add and 1 for concat', () => {
  assert.deepEqual(combiners.slice(0, 2), ['add', 'concat']);
  for (const { combiners: own } of Object.values(spaces)) assert.deepEqual(own.slice(0, 2), ['add', 'concat']);
  assert.deepEqual(decisionSizes(2), [2, 2, 13, 13, 2, 3, 3, 13, 13, 2, 2, 2, 13, 13, 2, 3, 3, 13, 13, 2]);
  const decisions = decisionsOf('a', 1);
  assert.deepEqual(decode(decisions), decode(decisions, 'a'));
});

test('every cell of space B has four inputs and blocks and passes on every state; in space C it concatenates unread states', () => {
  for (const cell of Object.values(sampled('b', 1))) {
    const { inputs, blocks, output } = cell as Cell;
    assert.deepEqual([inputs, blocks.length, output], [4, 4, 'states']);
    assert.equal(describeCell(cell).at(-1), 'output = 4, 5, 6, 7');
  }
  for (const cell of Object.values(sampled('c', 1))) assert.deepEqual(Object.keys(cell), ['blocks']);
});

test('an architecture of another space is refused', () => {
  const messages: [Architecture, SpaceName, RegExp][] = [
    [sampled('b', 1), 'a', /^normal\.output: expected one output, as in space a, got each created state passed on$/],
    [nasnetA, 'b', /^normal\.output: expected each created state passed on, as in space b, got one output$/],
    [
      decode([0, 0, 0, 0, 0, 0, 0, 0, 0, 2], 'c'),
      'a',
      /^reduction\.blocks\[0\]\.combine: expected one of add, concat, as in space a, got add_layer_norm$/,
    ],
  ];
  for (const [architecture, space, message] of messages) assert.throws(() => encode(architecture, space), { message });
});

test('a file with impossible inputs or states is refused with the place', () => {
  // biome-ignore lint/suspicious/noExplicitAny: a document that the test makes invalid
  const refusal = (change: (a: any) => void, architecture: Architecture = sampled('b', 1)) => {
    const document = JSON.parse(printArchitecture(architecture));
    change(document);
    try {
      parseArchitecture(document);
    } catch (error) {
      return (error as Error).message;
    }
    return 'accepted';
  };
  assert.equal(
    refusal((a) => (a.normal.inputs = 3)),
    'normal.inputs: expected 4, as many as blocks, got 3',
  );
  assert.equal(
    refusal((a) => delete a.normal.inputs),
    'normal.inputs: expected 4, as many as blocks, got 2',
  );
  assert.equal(
    refusal((a) => (a.normal.output = [4])),
    'normal.inputs: expected 2, as "output" is not "states", got 4',
  );
  assert.equal(
    refusal((a) => (a.normal.output = 'state')),
    'normal.inputs: expected 2, as "output" is not "states", got 4',
  );
  assert.equal(
    refusal((a) => (a.normal.output = 'states'), nasnetA),
    'normal.inputs: expected 5, as many as blocks, got 2',
  );
  assert.equal(
    refusal((a) => (a.normal.blocks[0].inputs = [0, 4])),
    'normal.blocks[0].inputs[1]: expected a hidden state from 0 to 3, got 4',
  );
  assert.equal(
    refusal((a) => (a.reduction = JSON.parse(printArchitecture(nasnetA)).reduction)),
    'reduction: expected 4 states passed on, as in the normal cell, got one output',
  );
  assert.equal(
    refusal((a) => (a.reduction = JSON.parse(printArchitecture(decode(decisionsOf('b', 2, 3), 'b'))).reduction)),
    'reduction: expected 4 states passed on, as in the normal cell, got 3 states passed on',
  );
  assert.equal(
    refusal(() => {}),
    'accepted',
  );
});

test('a key distinguishes the four combiners but not the order of halves', () => {
  const one = (combine: (typeof combiners)[number], swap = false): Architecture => {
    const block = { inputs: [0, 1], operations: ['identity', 'conv_3x3'], combine } as const;
    const [left, right] = block.operations;
    const cell: Cell = { blocks: [swap ? { inputs: [1, 0], operations: [right, left], combine } : block] };
    return { normal: cell, reduction: cell };
  };
  const keys = combiners.map((combine) => architectureKey(one(combine)));
  assert.equal(new Set(keys).size, 4);
  assert.deepEqual(
    combiners.map((combine) => architectureKey(one(combine, true))),
    keys,
  );
});

test("in space B swapping a block's halves keeps the key, but another order of blocks is another network", () => {
  const { normal, reduction } = sampled('b', 3);
  const key = (blocks: Cell['blocks']) => architectureKey({ normal: { ...normal, blocks }, reduction });
  const swapped = normal.blocks.map(({ inputs: [a, b], operations: [first, second], combine }) => ({
    inputs: [b, a] as const,
    operations: [second, first] as const,
    combine,
  }));
  assert.equal(key(swapped), key(normal.blocks));
  const independent = normal.blocks.map((block, index) => ({ ...block, inputs: [index, 0] as const }));
  const exchanged = [independent[1]!, independent[0]!, ...independent.slice(2)];
  assert.notEqual(key(exchanged), key(independent));
  for (let place = 0; place < 4; place++) {
    const other = combiners.find((name) => name !== normal.blocks[place]!.combine)!;
    assert.notEqual(key(normal.blocks.with(place, { ...normal.blocks[place]!, combine: other })), key(normal.blocks));
  }
});

const parametersOf = (plan: Plan) => {
  const sizes = new Map<string, number>();
  for (const { name, shape, statistic } of planParameters(plan)) {
    const part = name.split('.')[0]!;
    if (!statistic) sizes.set(part, (sizes.get(part) ?? 0) + shape.reduce((product, side) => product * side, 1));
  }
  return Object.fromEntries(sizes);
};

test('the cost of a small network of space B is as counted by hand, and its cells read the named states', () => {
  const plan = planNetwork(smallB, { cells: 1, filters: 2, input: 8 });
  const reads = Object.fromEntries(plan.cells.map(({ name, sources }) => [name, sources]));
  assert.deepEqual(reads, {
    Cell_0: ['Stem', 'Stem'],
    Reduction_Cell_0: ['Cell_0.0', 'Stem'],
    Cell_1: ['Reduction_Cell_0.0', 'Cell_0.1'],
    Reduction_Cell_1: ['Cell_1.0', 'Reduction_Cell_0.1'],
    Cell_2: ['Reduction_Cell_1.0', 'Cell_1.1'],
  });
  // 1×1 from a to b channels with batch norm: ab + 2b. State 1 of the second reduction cell is not read, so there is no
  // block 1.
  assert.deepEqual(parametersOf(plan), {
    stem: 3 * 9 * 6 + 12,
    cell_0: 16 + 16 + 8 + 4, // two inputs from 6 to 2, conv 1×1, layer norm
    reduction_cell_0: 16 + 32 + 24 + 8, // 2 to 4, 6 to 4, the striding identity, instance norm
    cell_1: 24 + (8 + 8 + 8) + 24 + 8, // 4 to 4, two halves from 4 to 2 and their norm, conv, layer norm
    reduction_cell_1: 48 + 48 + 80,
    cell_2: 80 + (32 + 32 + 16) + 80 + 16,
    head: 24 * 10 + 10, // f + 2f of the last cell's 8
  });
  assert.equal(plan.trainableParameters, 1060);
  assert.equal(plan.totalParameters, 1060 + 2 * (6 + 6 + 12 + 12 + 24 + 24));
  assert.equal(plan.multiplyAdds, 162 * 64 + 28 * 64 + (8 + 24) * 64 + 16 * 16 + 48 * 16 + (2 * 512 + 256) + 768 + 240);
  assert.deepEqual(
    plan.cells.map(({ shape }) => shape),
    [
      [8, 8, 6],
      [4, 4, 8],
      [4, 4, 12],
      [2, 2, 16],
      [2, 2, 24],
    ],
  );
});

test('the cost of a small network of space C is as counted by hand', () => {
  const block = { inputs: [0, 0], operations: ['conv_1x1', 'identity'] } as const;
  const normal: Cell = { blocks: [{ ...block, combine: 'add_layer_norm' }] };
  const reduction: Cell = {
    blocks: [{ ...block, operations: ['identity', 'identity'], combine: 'add_instance_norm' }],
  };
  const plan = planNetwork({ normal, reduction }, { cells: 1, filters: 2, input: 8 });
  assert.deepEqual(parametersOf(plan), {
    stem: 174,
    cell_0: 16 + 8 + 4,
    reduction_cell_0: 16 + 2 * 24 + 8,
    cell_1: 24 + 24 + 8,
    reduction_cell_1: 48 + 2 * 80 + 16,
    cell_2: 80 + 80 + 16,
    head: 8 * 10 + 10,
  });
});

test('a state from before two reductions is halved twice, and with N = 0 the stem replaces all missing cells', () => {
  const cell: Cell = {
    inputs: 4,
    blocks: [0, 1, 2, 3].map((input) => ({
      inputs: [input, input],
      operations: ['conv_1x1', 'identity'],
      combine: 'add',
    })),
    output: 'states',
  };
  const plan = planNetwork({ normal: cell, reduction: cell }, { cells: 1, filters: 4, input: 9 });
  const last = plan.cells.at(-1)!;
  assert.deepEqual(last.sources, ['Reduction_Cell_1.0', 'Cell_1.1', 'Reduction_Cell_0.2', 'Cell_0.3']);
  const kinds = last.inputs.map(({ layers }) => layers.map(({ kind }) => kind).join(' '));
  const halving = 'relu branches batch-norm';
  assert.deepEqual(kinds, ['relu convolution batch-norm', halving, halving, `${halving} ${halving}`]);
  assert.deepEqual(
    last.inputs.map(({ layers }) => layers.at(-1)!.output),
    Array.from({ length: 4 }, () => [3, 3, 16]),
  );
  const [first, second] = planNetwork({ normal: cell, reduction: cell }, { cells: 0, filters: 4 }).cells;
  assert.deepEqual(first!.sources, ['Stem', 'Stem', 'Stem', 'Stem']);
  assert.deepEqual(second!.sources, ['Reduction_Cell_0.0', 'Stem', 'Stem', 'Stem']);
});

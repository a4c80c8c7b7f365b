// Plans against the released network's published sizes, and tiny cells against numbers worked out by hand.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Layer, Shape } from '../../src/plan/layer.ts';
import { samePadding } from '../../src/plan/layer-path.ts';
import { type Plan, planNetwork, planParameters } from '../../src/plan/plan.ts';
import { auxiliaryFits } from '../../src/plan/plan-auxiliary.ts';
import { RandomStream } from '../../src/random/stream.ts';
import type { Architecture, Cell } from '../../src/space/architecture.ts';
import { decode } from '../../src/space/decisions.ts';
import { type OperationName, operationNames } from '../../src/space/operations.ts';
import { nasnetA } from '../../src/space/published.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { spaceNames } from '../../src/space/search-space.ts';

const block = (
  operations: [OperationName, OperationName],
  inputs: [number, number] = [0, 1],
  combine: 'add' | 'concat' = 'add',
) => ({
  inputs,
  operations,
  combine,
});
const pair = (normal: Cell, reduction: Cell): Architecture => ({ normal, reduction });
const endpoint = (plan: Plan, name: string) => plan.endpoints.find((end) => end.name === name)?.shape;
const sectionOf = (plan: Plan, name: string) => plan.sections.find((part) => part.name === name)!;
const learned = (plan: Plan, name: string) =>
  sectionOf(plan, name)
    .parameters.filter(({ statistic }) => !statistic)
    .reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b), 0);

test('NASNet-A 6@768 has the parameters and multiply-adds of the released network', () => {
  const plan = planNetwork(nasnetA, { cells: 6, filters: 32, auxiliary: true });
  assert.equal(plan.trainableParameters, 3_346_538);
  assert.equal(plan.totalParameters, 3_383_786);
  assert.equal(plan.auxiliaryParameters, 1_631_498);
  assert.equal(plan.multiplyAdds, 544_333_312);
});

test("NASNet-A's endpoints are those of the released code, in its order and with its shapes", () => {
  // tensorflow/models, research/slim/nets/nasnet/nasnet_test.py, testAllEndPointsShapesCifarModel
  const plan = planNetwork(nasnetA, { cells: 6, filters: 32 });
  const names = plan.endpoints.map(({ name }) => name);
  const cells = (from: number) => Array.from({ length: 6 }, (_, index) => `Cell_${from + index}`);
  const second = ['Reduction_Cell_0', ...cells(6), 'Reduction_Cell_1', ...cells(12)];
  assert.deepEqual(names, ['Stem', ...cells(0), ...second, 'global_pool']);
  assert.deepEqual(endpoint(plan, 'Stem'), [32, 32, 96]);
  for (const name of cells(0)) assert.deepEqual(endpoint(plan, name), [32, 32, 192]);
  assert.deepEqual(endpoint(plan, 'Reduction_Cell_0'), [16, 16, 256]);
  for (const name of cells(6)) assert.deepEqual(endpoint(plan, name), [16, 16, 384]);
  assert.deepEqual(endpoint(plan, 'Reduction_Cell_1'), [8, 8, 512]);
  for (const name of cells(12)) assert.deepEqual(endpoint(plan, name), [8, 8, 768]);
  assert.deepEqual(endpoint(plan, 'global_pool'), [1, 1, 768]);
});

test('SAME padding is as in TensorFlow: the odd pixel at the bottom and right', () => {
  const cases: [size: number, kernel: number, stride: number, dilation: number, before: number, after: number][] = [
    [32, 3, 1, 1, 1, 1],
    [32, 3, 2, 1, 0, 1],
    [32, 5, 2, 1, 1, 2],
    [32, 7, 2, 1, 2, 3],
    [17, 3, 2, 1, 1, 1],
    [17, 7, 2, 1, 3, 3],
    [32, 3, 1, 2, 2, 2], // window 5
    [32, 3, 2, 2, 1, 2],
    [1, 7, 2, 1, 3, 3],
    [2, 7, 2, 1, 2, 3],
    [32, 1, 2, 1, 0, 0],
    [33, 1, 2, 1, 0, 0],
  ];
  for (const [size, kernel, stride, dilation, before, after] of cases) {
    assert.deepEqual(
      samePadding(size, kernel, stride, dilation),
      [before, after],
      `${size} ${kernel} ${stride} ${dilation}`,
    );
  }
});

test('padding is spelled out as top, bottom, left, right, also for heights that differ from widths', () => {
  const plan = planNetwork(nasnetA, { cells: 0, filters: 4, input: [17, 16] });
  const sep7 = plan.cells[0]!.blocks[0]!.right.layers.filter((layer) => layer.kind === 'convolution');
  assert.deepEqual(sep7[0]!.padding, [3, 3, 2, 3]); // stride 2 over 17 rows, 16 columns
  assert.deepEqual(sep7[0]!.output, [9, 8, 12]); // the raw stem: 3F channels
  assert.deepEqual(sep7[2]!.padding, [3, 3, 3, 3]); // second turn, stride 1
});

test('one cell of each kind, counted by hand', () => {
  // F = 2, no normal cells: stem 3·9·6 = 162 (+ 12 for batch norm), then two reduction cells of one block.
  const cell = { blocks: [block(['sep_conv_3x3', 'max_pool_3x3'])] };
  const plan = planNetwork(pair(cell, cell), { cells: 0, filters: 2, input: 8, classes: 5 });
  assert.equal(learned(plan, 'Stem'), 162 + 12);
  // First reduction, f = 4: 1×1 of h_i 6·4 + 8; sep on 4 channels twice: 2 · (4·9 + 4·4 + 8); the pool reads the raw
  // stem of 6 channels: 1×1 6·4 + 8.
  assert.equal(learned(plan, 'Reduction_Cell_0'), 24 + 8 + 2 * (36 + 16 + 8) + 24 + 8);
  // In the same cell: 1×1 on 8×8, all after the stride on 4×4.
  assert.equal(sectionOf(plan, 'Reduction_Cell_0').multiplyAdds, 64 * 24 + 16 * (2 * (36 + 16)) + 16 * 24);
  // Second reduction, f = 8: 1×1 4·8 + 16; h_{i-1} is the stem: two 1×1 of 6 to 4 channels + batch norm of 8;
  // sep 2 · (8·9 + 8·8 + 16); the pool's 8 channels fit.
  assert.equal(learned(plan, 'Reduction_Cell_1'), 32 + 16 + (2 * 6 * 4 + 16) + 2 * (72 + 64 + 16));
  assert.equal(learned(plan, 'Head'), 8 * 5 + 5);
  assert.deepEqual(endpoint(plan, 'Reduction_Cell_1'), [2, 2, 8]);
});

test('every operation has the parameters and multiply-adds that its definition gives', () => {
  // One normal cell after the stem of F = 4: operation on h_i (4 channels, stride 1) and on the raw stem (12 channels).
  const conv = (kernel: number, channels: number) => kernel * channels * 4;
  const separable = (kernel: number, channels: number) => kernel ** 2 * (channels + 4) + channels * 4 + 4 * 4;
  const weights: Record<OperationName, (channels: number) => number> = {
    identity: (c) => (c === 4 ? 0 : conv(1, c)),
    conv_1x3_3x1: (c) => conv(3, c) + conv(3, 4),
    conv_1x7_7x1: (c) => conv(7, c) + conv(7, 4),
    dil_conv_3x3: (c) => 9 * c + c * 4,
    avg_pool_3x3: (c) => (c === 4 ? 0 : conv(1, c)),
    max_pool_3x3: (c) => (c === 4 ? 0 : conv(1, c)),
    max_pool_5x5: (c) => (c === 4 ? 0 : conv(1, c)),
    max_pool_7x7: (c) => (c === 4 ? 0 : conv(1, c)),
    conv_1x1: (c) => conv(1, c),
    conv_3x3: (c) => conv(9, c),
    sep_conv_3x3: (c) => separable(3, c),
    sep_conv_5x5: (c) => separable(5, c),
    sep_conv_7x7: (c) => separable(7, c),
  };
  const norms = (name: OperationName, channels: number) =>
    name.startsWith('sep') ? 16 : weights[name]!(channels) > 0 ? 8 : 0;
  for (const name of operationNames) {
    const cell = { blocks: [block([name, name])] };
    const plan = planNetwork(pair(cell, cell), { cells: 1, filters: 4, input: 6 });
    const expected = weights[name]!(4) + norms(name, 4) + weights[name]!(12) + norms(name, 12);
    assert.equal(learned(plan, 'Cell_0') - (12 * 4 + 8), expected, name); // without h_i's own 1×1
    assert.equal(sectionOf(plan, 'Cell_0').multiplyAdds, 36 * (12 * 4 + weights[name]!(4) + weights[name]!(12)), name);
  }
});

test('a concatenation has 2f channels; operations that read it return to f', () => {
  const cell = {
    blocks: [block(['conv_1x1', 'conv_1x1'], [0, 1], 'concat'), block(['identity', 'avg_pool_3x3'], [2, 2])],
    output: [2, 3],
  };
  const plan = planNetwork(pair(cell, cell), { cells: 1, filters: 4, input: 8 });
  assert.deepEqual(endpoint(plan, 'Cell_0'), [8, 8, 2 * 4 + 4]);
  const reader = plan.cells[0]!.blocks[1]!;
  for (const side of [reader.left, reader.right]) {
    const convolution = side.layers.find((layer) => layer.kind === 'convolution')!;
    assert.deepEqual([convolution.inputChannels, convolution.outputChannels], [8, 4]);
  }
});

test("a reduction cell's output brings the cell's own inputs to its size, without a ReLU", () => {
  const cell = { blocks: [block(['max_pool_3x3', 'max_pool_3x3'])], output: [0, 2, 1] };
  const plan = planNetwork(pair(cell, cell), { cells: 1, filters: 3, input: 7 });
  const reduction = plan.cells.find(({ kind }) => kind === 'reduction')!;
  assert.deepEqual(reduction.shape, [4, 4, 18]);
  assert.deepEqual(
    reduction.output.map(({ state, layers }) => [state, layers.map(({ kind }) => kind).join(' ')]),
    [
      [0, 'branches batch-norm'],
      [2, ''],
      [1, 'branches batch-norm'],
    ],
  );
});

test('inputs of any size are laid out: odd, tiny, not square, one channel, any class count', () => {
  for (const input of [1, 2, 3, 7, 16, 17, 33, [5, 9], [1, 8], [32, 20]] as const) {
    for (const cells of [0, 1, 2]) {
      const plan = planNetwork(nasnetA, { cells, filters: 3, input, inputChannels: 1, classes: 3 });
      const [height, width] = typeof input === 'number' ? [input, input] : input;
      const halved = (size: number, times: number) => Math.ceil(size / 2 ** times);
      assert.deepEqual(endpoint(plan, 'Reduction_Cell_0'), [halved(height, 1), halved(width, 1), 24]);
      assert.deepEqual(endpoint(plan, 'Reduction_Cell_1'), [halved(height, 2), halved(width, 2), 48]);
      assert.equal(plan.cells.length, 3 * cells + 2);
    }
  }
});

test('numbers out of range are refused with the expected range', () => {
  const refused = (options: object, pattern: RegExp) =>
    assert.throws(() => planNetwork(nasnetA, { cells: 1, filters: 1, ...options }), pattern);
  refused({ cells: -1 }, /^InputError: N: expected a whole number of at least 0, got -1$/);
  refused({ filters: 0 }, /^InputError: filters: expected a whole number of at least 1, got 0$/);
  refused({ filters: 1.5 }, /filters: .* got 1.5$/);
  refused({ input: [32, 0] }, /input width: .* got 0$/);
  refused({ classes: 0 }, /classes: .* got 0$/);
});

test('the auxiliary head needs 9 × 9 pixels, and smaller images are refused', () => {
  const auxiliary = true;
  const at = (input: number) => planNetwork(nasnetA, { cells: 1, filters: 4, input, auxiliary });
  const full = (plan: Plan) => plan.auxiliary!.layers.filter((layer) => layer.kind === 'convolution')[1]!;
  assert.deepEqual(full(at(32)).kernel, [4, 4]);
  assert.deepEqual(full(at(16)).kernel, [2, 2]);
  assert.deepEqual(full(at(9)).kernel, [1, 1]);
  assert.throws(
    () => at(8),
    /^InputError: auxiliary head: expected at least 5 × 5 pixels .* got 4 × 4; use images of at least 9 × 9/,
  );
  assert.deepEqual([auxiliaryFits(8), auxiliaryFits(9), auxiliaryFits(32)], [false, true, true]);
  assert.equal(auxiliaryFits([8, 32]), false);
});

test('the auxiliary head reads the cell before the second reduction cell', () => {
  for (const [cells, from] of [
    [0, 'Reduction_Cell_0'],
    [1, 'Cell_1'],
    [6, 'Cell_11'],
  ] as const) {
    assert.equal(planNetwork(nasnetA, { cells, filters: 4, auxiliary: true }).auxiliary!.from, from);
  }
});

test('cells that are not read are omitted: without h_i every other cell', () => {
  const skipping = { blocks: [block(['sep_conv_3x3', 'identity'], [1, 1])] };
  const plan = planNetwork(pair(skipping, skipping), { cells: 2, filters: 4 });
  // Backwards from the logits, each cell reads the one before its neighbour.
  const reads = Object.fromEntries(plan.cells.map(({ name, sources }) => [name, sources[1]]));
  assert.deepEqual(reads, { Cell_5: 'Reduction_Cell_1', Reduction_Cell_1: 'Cell_2', Cell_2: 'Cell_1', Cell_1: 'Stem' });
  assert.deepEqual(
    plan.cells.map(({ index, count }) => [index, count]),
    [
      [1, 8],
      [3, 8],
      [5, 8],
      [7, 8],
    ],
  );
});

test('parameter names are unique and every layer follows from the one before, in 300 sampled networks of all spaces', () => {
  for (let seed = 0; seed < 300; seed++) {
    const space = spaceNames[seed % 3]!;
    const architecture = decode(sampleDecisions(new RandomStream(seed), 1 + (seed % 5), space), space);
    const plan = planNetwork(architecture, {
      cells: 1 + (seed % 2),
      filters: 1 + (seed % 6),
      input: 9 + (seed % 8),
      auxiliary: true,
    });
    const names = planParameters(plan).map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    for (const name of names)
      assert.match(name, /^[a-z0-9_.]+\.(weight|bias|scale|shift|moving_mean|moving_variance)$/);
    const shapes = new Map<string, Shape | undefined>([[plan.stemName, plan.stem.at(-1)!.output]]);
    for (const cell of plan.cells) {
      const states = new Map(cell.sources.map((name, state) => [state, shapes.get(name)]));
      for (const { state, layers } of cell.inputs) states.set(state, followed(states.get(state), layers));
      for (const { state, left, right, combine, layers } of cell.blocks) {
        const [a, b] = [left, right].map((side) => followed(states.get(side.state), side.layers)!);
        assert.deepEqual(a, b, `seed ${seed} ${cell.name}`);
        assert.equal(a![2], cell.filters);
        const joined: Shape = combine === 'concat' ? [a![0], a![1], 2 * a![2]] : a!;
        states.set(state, followed(joined, layers));
      }
      for (const { state, layers } of cell.output) states.set(state, followed(states.get(state), layers));
      for (const result of cell.results) {
        const parts = result.states.map((state) => states.get(state)!);
        for (const part of parts) assert.deepEqual(part.slice(0, 2), cell.shape.slice(0, 2));
        const channels = parts.reduce((sum, part) => sum + part[2], 0);
        shapes.set(result.name, [parts[0]![0], parts[0]![1], channels]);
      }
    }
    const ends = plan.endpoints.filter(({ name }) => name !== 'global_pool' && shapes.has(name));
    for (const { name, shape } of ends) assert.deepEqual(shapes.get(name), shape, `seed ${seed} ${name}`);
    assert.ok(ends.length >= 2);
  }
});

/** Returns the shape after the layers and asserts that each layer's input channels match the previous output. */
function followed(shape: Shape | undefined, layers: readonly Layer[]): Shape | undefined {
  for (const layer of layers) {
    if (layer.kind === 'convolution') assert.equal(layer.inputChannels, shape?.[2]);
    if ('channels' in layer) assert.equal(layer.channels, shape?.[2]);
    if (layer.kind === 'branches') for (const path of layer.branches) followed(shape, path);
    shape = layer.output;
  }
  return shape;
}

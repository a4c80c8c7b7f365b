// The ImageNet layout against the released networks' published figures, and its shapes against a second computation.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Layer } from '../../src/plan/layer.ts';
import { LayerPath, samePadding } from '../../src/plan/layer-path.ts';
import { namedModels } from '../../src/plan/named-models.ts';
import { type Plan, type PlanOptions, planNetwork, planParameters } from '../../src/plan/plan.ts';
import { auxiliaryFits } from '../../src/plan/plan-auxiliary.ts';
import { layOperation } from '../../src/plan/plan-operation.ts';
import type { Architecture } from '../../src/space/architecture.ts';
import { operationNames } from '../../src/space/operations.ts';
import { nasnetA } from '../../src/space/published.ts';

const { mobile, large } = namedModels;
const figures = ({ trainableParameters, totalParameters, multiplyAdds }: Plan) => [
  trainableParameters,
  totalParameters,
  multiplyAdds,
];
const small = (options: Partial<PlanOptions> = {}, architecture = nasnetA) =>
  planNetwork(architecture, { layout: 'imagenet', cells: 1, filters: 8, input: 64, ...options });
const shapes = (plan: Plan) => Object.fromEntries(plan.endpoints.map(({ name, shape }) => [name, shape]));
const names = (prefix: string, from: number, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}_${from + index}`);

test('NASNet-A mobile and large have the published parameters and multiply-adds, to the digit', () => {
  assert.deepEqual(figures(planNetwork(nasnetA, mobile)), [5_289_978, 5_326_716, 563_638_816]);
  assert.deepEqual(figures(planNetwork(nasnetA, large)), [88_753_150, 88_949_818, 23_783_414_658]);
});

test('1,001 classes cost one more row of the classifier', () => {
  const [one, more] = [1000, 1001].map((classes) => planNetwork(nasnetA, { ...mobile, classes }));
  assert.equal(more!.trainableParameters - one!.trainableParameters, 1056 + 1);
});

test("the endpoints are the released code's at 224 and 331 pixels", () => {
  // tensorflow/models, research/slim/nets/nasnet/nasnet_test.py, testAllEndPointsShapesMobileModel and …LargeModel;
  // the stem cells are no endpoints there: F/4 · 4 and F/2 · 4 channels.
  for (const { options, size, stem, channels } of [
    { options: mobile, size: [28, 14, 7], stem: [56, 44], channels: [88, 264, 352, 528, 704, 1056] },
    { options: large, size: [42, 21, 11], stem: [83, 168], channels: [336, 1008, 1344, 2016, 2688, 4032] },
  ]) {
    const n = options.cells;
    const expected: [string, number, number][] = [
      ['Cell_Stem_0', stem[0]!, stem[1]!],
      ['Cell_Stem_1', size[0]!, channels[0]!],
      ['Stem', size[0]!, channels[0]!],
      ...names('Cell', 0, n).map((name): [string, number, number] => [name, size[0]!, channels[1]!]),
      ['Reduction_Cell_0', size[1]!, channels[2]!],
      ...names('Cell', n, n).map((name): [string, number, number] => [name, size[1]!, channels[3]!]),
      ['Reduction_Cell_1', size[2]!, channels[4]!],
      ...names('Cell', 2 * n, n).map((name): [string, number, number] => [name, size[2]!, channels[5]!]),
      ['global_pool', 1, channels[5]!],
    ];
    assert.deepEqual(
      planNetwork(nasnetA, options).endpoints,
      expected.map(([name, side, depth]) => ({ name, shape: [side, side, depth] })),
    );
  }
});

test('odd and unusual sizes: (s − 1) / 2 rounded down once, then half rounded up four times', () => {
  // By hand: VALID, 3 wide, stride 2 leaves 97 → 48, 225 → 112, 299 → 149, 480 → 239, 640 → 319, 3 → 1.
  const chains: [input: number, sides: number[]][] = [
    [97, [48, 24, 12, 6, 3]],
    [225, [112, 56, 28, 14, 7]],
    [299, [149, 75, 38, 19, 10]],
    [480, [239, 120, 60, 30, 15]],
    [640, [319, 160, 80, 40, 20]],
    [3, [1, 1, 1, 1, 1]],
    [4, [1, 1, 1, 1, 1]],
    [35, [17, 9, 5, 3, 2]],
  ];
  for (const [height, rows] of chains) {
    for (const [width, columns] of chains) {
      const plan = small({ cells: 2, input: [height, width], skipReductionInput: height < width });
      const at = (step: number) => [rows[step], columns[step]];
      const planned = shapes(plan);
      assert.deepEqual(plan.stem.at(-1)!.output.slice(0, 2), at(0));
      assert.deepEqual(planned.Cell_Stem_0!.slice(0, 2), at(1));
      for (const name of ['Stem', 'Cell_0', 'Cell_1']) assert.deepEqual(planned[name]!.slice(0, 2), at(2), name);
      for (const name of ['Reduction_Cell_0', 'Cell_2', 'Cell_3']) assert.deepEqual(planned[name]!.slice(0, 2), at(3));
      for (const name of ['Reduction_Cell_1', 'Cell_4', 'Cell_5']) assert.deepEqual(planned[name]!.slice(0, 2), at(4));
    }
  }
});

test('SAME is the smallest padding that gives ⌈size / stride⌉ windows, at most one pixel more after than before', () => {
  for (let size = 1; size <= 40; size++) {
    for (const [kernel, dilation] of [
      [1, 1],
      [3, 1],
      [5, 1],
      [7, 1],
      [3, 2],
    ] as const) {
      for (const stride of [1, 2]) {
        const [before, after] = samePadding(size, kernel, stride, dilation);
        const window = (kernel - 1) * dilation + 1;
        const starts = (total: number) => Math.floor((size + total - window) / stride) + 1;
        const expected = Math.ceil(size / stride);
        assert.ok(after - before === 0 || after - before === 1);
        assert.ok(starts(before + after) >= expected);
        if (before + after > 0) assert.ok(starts(before + after - 1) < expected, `${size} ${kernel} ${stride}`);
      }
    }
  }
});

test('every operation with stride 2 halves height and width independently, rounding up', () => {
  const norm = { decay: 0.9, epsilon: 1e-5 };
  for (const name of operationNames) {
    for (let height = 1; height <= 16; height++) {
      for (const width of [1, 2, 7, 12, 15]) {
        const { shape } = layOperation(new LayerPath([height, width, 6], 'path', norm), name, 4, 2);
        assert.deepEqual(shape, [Math.ceil(height / 2), Math.ceil(width / 2), 4], name);
        const reduced = new LayerPath([height, width, 6], 'path', norm).factorizedReduction(4).shape;
        assert.deepEqual(reduced, [Math.ceil(height / 2), Math.ceil(width / 2), 4]);
      }
    }
  }
});

const reads = (plan: Plan) => Object.fromEntries(plan.cells.map(({ name, sources }) => [name, sources]));

test("the cell after a reduction reads the reduction's input, or in the large model the state before that", () => {
  // nasnet.py: with skip_reduction_layer_input, prev_layer is taken from cell_outputs before the reduction is appended.
  const usual = {
    Cell_Stem_0: ['Stem_Convolution', 'Stem_Convolution'],
    Cell_Stem_1: ['Cell_Stem_0', 'Stem_Convolution'],
    Cell_0: ['Cell_Stem_1', 'Cell_Stem_0'],
    Cell_1: ['Cell_0', 'Cell_Stem_1'],
    Reduction_Cell_0: ['Cell_1', 'Cell_0'],
    Cell_2: ['Reduction_Cell_0', 'Cell_1'],
    Cell_3: ['Cell_2', 'Reduction_Cell_0'],
    Reduction_Cell_1: ['Cell_3', 'Cell_2'],
    Cell_4: ['Reduction_Cell_1', 'Cell_3'],
    Cell_5: ['Cell_4', 'Reduction_Cell_1'],
  };
  assert.deepEqual(reads(small({ cells: 2 })), usual);
  const skipping = { ...usual, Cell_2: ['Reduction_Cell_0', 'Cell_0'], Cell_4: ['Reduction_Cell_1', 'Cell_2'] };
  assert.deepEqual(reads(small({ cells: 2, skipReductionInput: true })), skipping);
  // With N = 1 the state before the reduction's input is the stem's, or the reduction before.
  const single = reads(small({ cells: 1, skipReductionInput: true }));
  assert.deepEqual(single.Cell_1, ['Reduction_Cell_0', 'Cell_Stem_1']);
  assert.deepEqual(single.Cell_2, ['Reduction_Cell_1', 'Reduction_Cell_0']);
  // Without normal cells the option applies to none.
  assert.deepEqual(small({ cells: 0, skipReductionInput: true }), small({ cells: 0 }));
  const cifar = planNetwork(nasnetA, { cells: 1, filters: 4, skipReductionInput: true });
  assert.deepEqual(reads(cifar).Cell_1, ['Reduction_Cell_0', 'Stem']);
});

test('cells that are not read are omitted, also with the skipped reduction input', () => {
  const block = { inputs: [1, 1], operations: ['sep_conv_3x3', 'identity'], combine: 'add' } as const;
  const onlyPrevious: Architecture = { normal: { blocks: [block] }, reduction: { blocks: [block] } };
  const chain = (options: Partial<PlanOptions>) => {
    const plan = small({ cells: 2, ...options }, onlyPrevious);
    return plan.cells.map(({ name, sources }) => `${name} ← ${sources[1]}`).reverse();
  };
  const usual = [
    'Cell_5 ← Reduction_Cell_1',
    'Reduction_Cell_1 ← Cell_2',
    'Cell_2 ← Cell_1',
    'Cell_1 ← Cell_Stem_1',
    'Cell_Stem_1 ← Stem_Convolution',
  ];
  assert.deepEqual(chain({}), usual);
  const skipped = ['Cell_2 ← Cell_0', 'Cell_0 ← Cell_Stem_0', 'Cell_Stem_0 ← Stem_Convolution'];
  assert.deepEqual(chain({ skipReductionInput: true }), [...usual.slice(0, 2), ...skipped]);
  // Without the second stem cell the stem has no endpoint.
  const ends = small({ cells: 2, skipReductionInput: true }, onlyPrevious).endpoints.map(({ name }) => name);
  assert.deepEqual(ends, ['Cell_Stem_0', 'Cell_0', 'Cell_2', 'Reduction_Cell_1', 'Cell_5', 'global_pool']);
});

test('stem cells have a quarter and half of F, rounded down as released, and at least one filter', () => {
  const filters = (f: number) =>
    small({ filters: f })
      .cells.slice(0, 3)
      .map((cell) => cell.filters);
  assert.deepEqual(filters(44), [11, 22, 44]);
  assert.deepEqual(filters(10), [2, 5, 10]);
  assert.deepEqual(filters(7), [1, 3, 7]);
  assert.deepEqual(filters(1), [1, 1, 1]);
});

test('drop-path counts the stem cells: cell i of 3N + 4, as released', () => {
  const { cells } = planNetwork(nasnetA, mobile);
  assert.deepEqual(
    cells.map(({ index }) => index),
    cells.map((_, index) => index),
  );
  assert.deepEqual(new Set(cells.map(({ count }) => count)), new Set([12 + 2 + 2])); // nasnet.py, total_num_cells
});

test("every batch norm has its layout's decay and epsilon", () => {
  const norms = (layers: readonly Layer[]): Layer[] => layers.filter(({ kind }) => kind === 'batch-norm');
  const all = (plan: Plan) => {
    const paths = plan.cells.flatMap(({ inputs, blocks, output }) => [
      ...inputs,
      ...output,
      ...blocks.flatMap(({ left, right }) => [left, right]),
    ]);
    const layers = [...plan.stem, ...paths.flatMap((path) => path.layers), ...plan.auxiliary!.layers];
    return new Set(norms(layers).map((norm) => norm.kind === 'batch-norm' && `${norm.decay} ${norm.epsilon}`));
  };
  assert.deepEqual(all(small({ input: 97, auxiliary: true })), new Set(['0.9997 0.001']));
  assert.deepEqual(all(planNetwork(nasnetA, { cells: 1, filters: 4, auxiliary: true })), new Set(['0.9 0.00001']));
});

test('the auxiliary head needs images of at least 67 pixels, also odd ones, and reads before the second reduction cell', () => {
  const full = (input: number | [number, number]) => {
    const { from, layers } = small({ input, auxiliary: true }).auxiliary!;
    assert.equal(from, 'Cell_1');
    return layers.filter((layer) => layer.kind === 'convolution')[1]!.kernel;
  };
  // 331 → 165 → 83 → 42 → 21 → ⌊(21 − 5) / 3⌋ + 1 = 6; 299 → 149 → 75 → 38 → 19 → 5; 97 → 48 → 24 → 12 → 6 → 1
  assert.deepEqual(
    [331, 299, 224, 97, 67].map((input) => full(input)),
    [
      [6, 6],
      [5, 5],
      [4, 4],
      [1, 1],
      [1, 1],
    ],
  );
  assert.deepEqual(full([97, 299]), [1, 5]);
  assert.throws(() => full(66), /^InputError: auxiliary head: .* got 4 × 4; use images of at least 67 × 67 pixels/);
  assert.deepEqual(
    [66, 67].map((input) => auxiliaryFits(input, 'imagenet')),
    [false, true],
  );
});

test('impossible ImageNet networks are refused', () => {
  assert.throws(() => small({ input: [2, 64] }), /^InputError: input height: expected .* at least 3, got 2$/);
  assert.throws(() => small({ stemChannels: 0 }), /^InputError: stem channels: .* got 0$/);
  assert.throws(
    () => small({ layout: 'mnist' as never }),
    /^InputError: layout: expected cifar or imagenet, got "mnist"$/,
  );
});

test('the default input and classes are the released ones, with any number of stem channels', () => {
  const plan = planNetwork(nasnetA, { layout: 'imagenet', cells: 4, filters: 44 });
  assert.deepEqual(plan, planNetwork(nasnetA, mobile));
  const wide = planParameters(small({ stemChannels: 48 })).find(({ name }) => name === 'stem.convolution.weight')!;
  assert.deepEqual(wide.shape, [48, 3, 3, 3]);
});

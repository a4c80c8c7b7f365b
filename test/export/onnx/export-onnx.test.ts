// Whole networks as ONNX: onnxruntime's logits against the engine's, the content of the file, and the errors that
// prevent writing it.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { randn } from '../../../src/engine/create.ts';
import { setThreads } from '../../../src/engine/machine.ts';
import { liveTensors, scope } from '../../../src/engine/memory.ts';
import { buildOnnx, exportOnnx, largestAllowedDifference } from '../../../src/export/onnx/export-onnx.ts';
import { verifyOnnx } from '../../../src/export/onnx/verify.ts';
import { Failure, InputError, Interruption } from '../../../src/failure.ts';
import { type Plan, type PlanOptions, planParameters } from '../../../src/plan/plan.ts';
import { RandomStream } from '../../../src/random/stream.ts';
import type { Architecture, Cell } from '../../../src/space/architecture.ts';
import { decode } from '../../../src/space/decisions.ts';
import { operationNames } from '../../../src/space/operations.ts';
import { nasnetA } from '../../../src/space/published.ts';
import { sampleDecisions } from '../../../src/space/sample.ts';
import { temporaryFolder } from '../../data/temporary.ts';
import { collect } from '../../engine/garbage.ts';
import { type Example, example } from './networks.ts';
import { readModel } from './wire.ts';

setThreads(1);

const folder = temporaryFolder({ after });
const smallCifar: PlanOptions = { cells: 1, filters: 4, input: 16, classes: 10 };
const small = (seed = 1) => example(nasnetA, smallCifar, seed);

async function differenceOf({ network, description }: Example): Promise<number> {
  const { largestDifference } = await verifyOnnx(buildOnnx(network, description), network);
  return largestDifference;
}

test('NASNet-A for CIFAR gives the same logits in onnxruntime, on random images and on the caller’s', async () => {
  const path = join(folder, 'cifar.onnx');
  const { network, description } = example(nasnetA, { cells: 2, filters: 8, classes: 10 }, 1);
  const result = await exportOnnx(path, network, description, { verifyWith: randn([5, 3, 32, 32]) });
  assert.equal(result.images, 1 + 3 + 5);
  assert.ok(result.largestDifference! <= largestAllowedDifference, `${result.largestDifference}`);
  const bytes = readFileSync(path);
  assert.equal(bytes.length, result.bytes);
  assert.deepEqual(bytes, buildOnnx(network, description));
  assert.equal(readModel(bytes).nodes.length, result.nodes);
});

/** Odd, even and oblong images; every third network with the large model's skipped input. */
function layouts(seed: number): PlanOptions[] {
  const random = new RandomStream(1000 + seed);
  const sides = (least: number) => [least + random.integer(5), least + random.integer(5)] as const;
  const imagenet = { layout: 'imagenet', skipReductionInput: seed % 3 === 0, stemChannels: 8 } as const;
  return [
    { cells: 1, filters: 4, input: sides(14), classes: 10 },
    { ...imagenet, cells: 1, filters: 8, input: sides(63), classes: 11 },
  ];
}

const concatenating = ({ blocks }: Cell): Cell => ({
  blocks: blocks.map((block) => ({ ...block, combine: 'concat' })),
});

/** Returns a sampled architecture; the first concatenates everywhere. */
function sampled(seed: number): Architecture {
  const { normal, reduction } = decode(sampleDecisions(new RandomStream(seed)));
  return seed === 0 ? { normal: concatenating(normal), reduction: concatenating(reduction) } : { normal, reduction };
}

/** Returns the operations that the network computes: `normal sep_conv_3x3`, … */
const computedOperations = ({ cells }: Plan) =>
  cells.flatMap(({ kind, blocks }) =>
    blocks.flatMap(({ left, right }) => [left, right].map(({ operation }) => `${kind} ${operation}`)),
  );

test('twenty random architectures in both layouts give the same logits, and every operation is among them, with and without stride', async (t) => {
  const computed = new Set<string>();
  const differences: number[] = [];
  for (let seed = 0; seed < 20; seed++) {
    for (const options of layouts(seed)) {
      const built = example(sampled(seed), options, seed);
      for (const name of computedOperations(built.network.plan)) computed.add(name);
      const difference = await differenceOf(built);
      assert.ok(difference <= largestAllowedDifference, `seed ${seed}, ${built.network.plan.layout}: ${difference}`);
      differences.push(difference);
      built.network.dispose();
    }
  }
  const all = ['normal', 'reduction'].flatMap((kind) => operationNames.map((name) => `${kind} ${name}`));
  assert.deepEqual(
    all.filter((name) => !computed.has(name)),
    [],
  );
  t.diagnostic(
    `${differences.length} networks, largest relative difference ${Math.max(...differences).toExponential(1)}`,
  );
});

for (const space of ['b', 'c'] as const) {
  test(`three random architectures of space ${space} give the same logits in both layouts`, async () => {
    for (let seed = 0; seed < 3; seed++) {
      const architecture = decode(sampleDecisions(new RandomStream(seed), undefined, space), space);
      for (const options of layouts(seed)) {
        const built = example(architecture, { ...options, cells: seed }, seed);
        const difference = await differenceOf(built);
        assert.ok(difference <= largestAllowedDifference, `seed ${seed}, ${options.layout}: ${difference}`);
        built.network.dispose();
      }
    }
  });
}

test('NASNet-A mobile at 224 pixels gives the same logits, with the folded number of weights', async (t) => {
  const options: PlanOptions = { layout: 'imagenet', cells: 4, filters: 44, input: 224, classes: 1000 };
  const { network, description } = example(nasnetA, options, 1);
  const path = join(folder, 'mobile.onnx');
  const { largestDifference, bytes } = await exportOnnx(path, network, description);
  assert.ok(largestDifference! <= largestAllowedDifference, `${largestDifference}`);
  // A batch norm's scale and shift become one bias.
  const norms = planParameters(network.plan).filter(({ name }) => name.endsWith('.scale'));
  const folded = norms.reduce((sum, { shape }) => sum + shape[0]!, 0);
  const floats = readModel(readFileSync(path)).weights.filter(({ dataType }) => dataType === 1);
  const elements = floats.reduce((sum, weight) => sum + weight.bytes.length / 4, 0);
  assert.equal(elements, network.plan.trainableParameters - folded);
  t.diagnostic(`relative difference ${largestDifference!.toExponential(1)}, ${bytes} bytes`);
  network.dispose();
});

test('images as small as a layout allows, where reductions cut off everything, give the same logits', async () => {
  for (const input of [
    [1, 1],
    [2, 3],
    [5, 1],
  ] as const) {
    assert.ok(
      (await differenceOf(example(nasnetA, { ...smallCifar, input }, 3))) <= largestAllowedDifference,
      `${input}`,
    );
  }
  const imagenet: PlanOptions = { layout: 'imagenet', cells: 0, filters: 4, input: [3, 4] };
  assert.ok((await differenceOf(example(nasnetA, imagenet, 3))) <= largestAllowedDifference);
});

test('the file contains its metadata, nothing of training, and no computation twice', () => {
  const { network, description } = small();
  const { irVersion, opset, producer, metadata, nodes, weights } = readModel(buildOnnx(network, description));
  assert.deepEqual([irVersion, opset, producer[0]], [8, 17, 'nasnet']);
  const { origin, ...json } = metadata;
  assert.equal(origin, description.origin);
  const parsed = Object.fromEntries(Object.entries(json).map(([key, value]) => [key, JSON.parse(value)]));
  const { classes, preprocessing, architecture, network: sizes } = description;
  assert.deepEqual(parsed, { classes, preprocessing, architecture, network: sizes });

  const operators = new Set(nodes.map(({ operator }) => operator));
  const expected = [
    'Add',
    'AveragePool',
    'Concat',
    'Conv',
    'Flatten',
    'Gemm',
    'GlobalAveragePool',
    'MaxPool',
    'Relu',
    'Slice',
  ];
  assert.deepEqual([...operators].sort(), expected);
  const relus = nodes.filter(({ operator }) => operator === 'Relu').map(({ inputs }) => inputs[0]);
  assert.equal(new Set(relus).size, relus.length);
  // One block adds two averages of state 1, another the average of state 0 and state 1: two pools.
  const averages = nodes.filter(({ name }) => /^cell_0\..*average_pool/.test(name));
  assert.equal(averages.length, 2);
  const names = [...nodes.map(({ name }) => name), ...weights.map(({ name }) => name)];
  assert.equal(new Set(names).size, names.length);
  assert.ok(
    ['Cell_0', 'Reduction_Cell_1', 'global_pool', 'cell_0.block_0.left.separable_1.depthwise'].every((name) =>
      names.includes(name),
    ),
  );
});

test('classes named by wnid have their names beside them, others have none', () => {
  const titlesOf = (classes: string[]) => {
    const { network, description } = example(nasnetA, { cells: 0, filters: 4, input: [8, 8], classes: 2 }, 1);
    return readModel(buildOnnx(network, { ...description, classes })).metadata.titles;
  };
  assert.equal(titlesOf(['n01440764', 'mine']), '["tench","mine"]');
  assert.equal(titlesOf(['tench', 'mine']), undefined);
});

test('the auxiliary head and the training mode of a network leave no trace in the file', async () => {
  const { network, description } = example(nasnetA, { ...smallCifar, auxiliary: true }, 2);
  const names = readModel(buildOnnx(network, description)).weights.map(({ name }) => name);
  assert.deepEqual(
    names.filter((name) => name.startsWith('auxiliary')),
    [],
  );
  network.train();
  assert.ok((await differenceOf({ network, description })) <= largestAllowedDifference);
  assert.ok(network.training);
});

/** Returns a network whose file will have one wrong weight. */
function corrupted(factor: number): Example {
  const built = small();
  const state = built.network.stateDict();
  const name = 'cell_1.block_0.left.separable_2.pointwise.weight';
  built.network.stateDict = () => ({ ...state, [name]: scope(() => state[name]!.detach().mul(factor)) });
  return built;
}

test('a wrong weight in the file is detected, and an older file stays', async () => {
  const path = join(folder, 'corrupted.onnx');
  writeFileSync(path, 'older');
  const { network, description } = corrupted(1.01);
  await assert.rejects(exportOnnx(path, network, description), (error: Error) => {
    assert.ok(error instanceof Failure);
    assert.match(
      error.message,
      /within 0.0001 of the network's, relative, on 4 images, got \d\.\d\de-[23]: nothing is written$/,
    );
    return true;
  });
  assert.equal(readFileSync(path, 'utf8'), 'older');
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('corrupted')),
    ['corrupted.onnx'],
  );
  assert.ok((await exportOnnx(path, network, description, { verify: false })).largestDifference === undefined);
  assert.ok((await verifyOnnx(path, network)).largestDifference > largestAllowedDifference);
});

test('NaN weights are detected', async () => {
  const path = join(folder, 'nan.onnx');
  const { network, description } = small();
  network.stateDict()['head.linear.bias']!.detach().fill_(Number.NaN);
  await assert.rejects(exportOnnx(path, network, description), /got logits that are no numbers: nothing is written/);
  assert.ok(!readdirSync(folder).some((name) => name.startsWith('nan')));
});

test('images of another shape, a missing folder, a damaged file and Ctrl-C each have their own message', async () => {
  const path = join(folder, 'stopped.onnx');
  const { network, description } = small();
  const refused = async (kind: typeof Failure | typeof InputError, sentence: RegExp, attempt: Promise<unknown>) => {
    await assert.rejects(attempt, (error: Error) => {
      assert.ok(error instanceof kind, error.stack);
      assert.match(error.message, sentence);
      return true;
    });
  };
  const sentence = /^images: expected the shape \[n, 3, 16, 16\], got \[2, 3, 32, 32\]$/;
  await refused(InputError, sentence, exportOnnx(path, network, description, { verifyWith: randn([2, 3, 32, 32]) }));
  await refused(Failure, /no such file/, exportOnnx(join(folder, 'none', 'a.onnx'), network, description));
  await refused(Failure, /could not be written \(.*directory/, exportOnnx(folder, network, description));
  const damaged = buildOnnx(network, description).subarray(0, 10_000);
  await refused(Failure, /^the ONNX model: onnxruntime refuses it \(/, verifyOnnx(damaged, network));
  const signal = AbortSignal.abort();
  await refused(Interruption, /nothing is written$/, exportOnnx(path, network, description, { signal }));
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('stopped')),
    [],
  );
});

test('exporting leaves no tensor behind', async () => {
  const { network, description } = small();
  const path = join(folder, 'tensors.onnx');
  await exportOnnx(path, network, description);
  await collect(); // garbage of earlier tests
  const before = liveTensors();
  for (let time = 0; time < 3; time++) await exportOnnx(path, network, description);
  assert.equal(liveTensors(), before);
});

// The PyTorch file in PyTorch: the same logits, the same training, the same pixels. One Python process runs all
// networks.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import { imageBatch, planar, prepareImage } from '../../../src/data/prepare-image.ts';
import { randn } from '../../../src/engine/create.ts';
import { setThreads } from '../../../src/engine/machine.ts';
import { noGrad, scope } from '../../../src/engine/memory.ts';
import { Generator } from '../../../src/engine/random.ts';
import { relativeDifference } from '../../../src/export/onnx/verify.ts';
import { writePyTorch } from '../../../src/export/pytorch/export-pytorch.ts';
import { Failure, InputError, Interruption } from '../../../src/failure.ts';
import { writeModel } from '../../../src/model/model-file.ts';
import type { Preprocessing } from '../../../src/model/preprocessing.ts';
import type { Layer } from '../../../src/plan/layer.ts';
import type { PlanOptions } from '../../../src/plan/plan.ts';
import { RandomStream } from '../../../src/random/stream.ts';
import type { Architecture, Cell } from '../../../src/space/architecture.ts';
import { decode } from '../../../src/space/decisions.ts';
import { operationNames } from '../../../src/space/operations.ts';
import { nasnetA } from '../../../src/space/published.ts';
import { sampleDecisions } from '../../../src/space/sample.ts';
import type { SpaceName } from '../../../src/space/search-space.ts';
import { temporaryFolder } from '../../data/temporary.ts';
import { type Example, example } from '../onnx/networks.ts';

setThreads(1);

const python = '/usr/bin/python3'; // Debian's, which python3-torch installs into
const missing = spawnSync(python, [
  '-c',
  'import importlib.util, sys; sys.exit(importlib.util.find_spec("torch") is None)',
]);
const skip = missing.status === 0 ? false : `${python} has no torch (Debian: python3-torch)`;

const folder = temporaryFolder({ after });
const small = { cells: 1, filters: 4, input: [16, 16], classes: 10 } as const satisfies PlanOptions;
const imagenet = { layout: 'imagenet', cells: 1, filters: 8, stemChannels: 8, classes: 11 } as const;

const random = (seed: number, space?: SpaceName) =>
  decode(sampleDecisions(new RandomStream(seed), undefined, space), space);

/** The code in network.py that builds a layer of each kind; a new kind that is missing here does not compile. */
const inPython: Record<Layer['kind'], string> = {
  relu: 'nn.ReLU()',
  convolution: 'class Convolution(',
  'batch-norm': 'class BatchNorm(',
  'layer-norm': 'partial(ImageNorm, True,',
  'instance-norm': 'partial(ImageNorm, False,',
  'max-pool': 'class MaxPool(',
  'average-pool': 'class AveragePool(',
  'global-average-pool': 'nn.AdaptiveAvgPool2d(1)',
  dropout: 'nn.Dropout(',
  linear: 'nn.Linear(',
  branches: 'class FactorizedReduction(',
};

test('network.py can build a layer of every kind', () => {
  const text = readFileSync(new URL('../../../src/export/pytorch/network.py', import.meta.url), 'utf8');
  for (const [kind, made] of Object.entries(inPython)) assert.ok(text.includes(made), kind);
});

/**
 * Returns cells with every operation with and without stride, concatenated; state 1 is also an output of both cells.
 */
function everyOperation(): Architecture {
  const cell = (): Cell => ({
    blocks: operationNames.map((operation, index) => ({
      inputs: [index % 2, (index + 1) % 2],
      operations: [operation, operationNames[(index + 1) % operationNames.length]!],
      combine: index % 3 === 0 ? 'concat' : 'add',
    })),
    output: [1, ...operationNames.map((_, index) => index + 2)],
  });
  return { normal: cell(), reduction: cell() };
}

/** Returns cells that never read h_i: every other cell is omitted, and one block of each has no effect. */
function skipping(): Architecture {
  const cell: Cell = {
    blocks: [
      { inputs: [1, 1], operations: ['sep_conv_3x3', 'identity'], combine: 'add' },
      { inputs: [0, 2], operations: ['sep_conv_5x5', 'max_pool_5x5'], combine: 'add' },
    ],
    output: [2],
  };
  return { normal: cell, reduction: cell };
}

const networks: Record<string, () => Example> = {
  nasnet_a: () => example(nasnetA, { ...small, cells: 2, filters: 8, input: [32, 32] }, 1),
  one_filter: () => example(nasnetA, { ...small, filters: 1, input: [7, 10] }, 2),
  a_pixel: () => example(nasnetA, { ...small, input: [1, 1] }, 3),
  every_operation: () => example(everyOperation(), { ...small, input: [15, 18] }, 4),
  every_operation_imagenet: () => example(everyOperation(), { ...imagenet, input: [65, 70] }, 5),
  skipping: () => example(skipping(), { ...small, cells: 2 }, 6),
  skipped_reduction_input: () =>
    example(nasnetA, { ...imagenet, cells: 2, input: [67, 67], skipReductionInput: true }, 7),
  mobile: () =>
    example(
      nasnetA,
      { layout: 'imagenet', cells: 4, filters: 44, input: [224, 224], stemChannels: 32, classes: 1001 },
      8,
    ),
};
for (let seed = 0; seed < 6; seed++) {
  networks[`random_cifar_${seed}`] = () => example(random(seed), { ...small, input: [14 + seed, 17] }, seed);
  networks[`random_imagenet_${seed}`] = () => example(random(seed), { ...imagenet, input: [63 + seed, 66] }, seed);
}
for (const space of ['b', 'c'] as const) {
  for (let seed = 0; seed < 3; seed++) {
    const options: PlanOptions =
      seed < 2 ? { ...small, cells: seed, input: [15, 18] } : { ...imagenet, input: [65, 70] };
    networks[`space_${space}_${seed}`] = () => example(random(seed, space), options, seed);
  }
}

const framings: Record<string, Omit<Preprocessing, 'mean' | 'deviation'>> = {
  stretched: { aspect: 'stretch', interpolation: 'bilinear', centralFraction: 0.875 },
  covering: { aspect: 'shorter-side', interpolation: 'bicubic', centralFraction: 0.875 },
  averaged: { aspect: 'shorter-side', interpolation: 'area', centralFraction: 1 },
  // 20 × 24 to 25 × 30 and back
  enlarged: { aspect: 'shorter-side', interpolation: 'area', centralFraction: 1, enlarge: 1.25 },
};
const asBytes = { mean: [0, 0, 0], deviation: [1, 1, 1] };
const picture = { height: 61, width: 90 };

interface RunResult {
  logits: number[];
  classes: string[];
  parameters: number;
  buffers: Record<string, number[]>;
  unlearned: string[];
  fresh: number[];
  pixels: number[];
}
const expected: Record<string, { logits: Float32Array; parameters: number }> = {};
let movingStatistics: Record<string, Float32Array>;
let ran: Record<string, RunResult>;

before(async () => {
  if (skip) return;
  const jobs: Record<string, object> = {};
  for (const [name, build] of Object.entries(networks)) {
    const { network, description } = build();
    await writePyTorch(join(folder, `${name}.py`), network, description, { verify: false });
    const [height, width] = network.plan.input;
    const images = randn([2, 3, height, width], { generator: new Generator(9) });
    writeFileSync(join(folder, `${name}.images`), images.toBytes());
    const logits = scope(() => noGrad(() => network.forward(images).logits.toArray() as Float32Array));
    expected[name] = { logits, parameters: network.plan.trainableParameters };
    const train = name === 'nasnet_a';
    if (train) {
      noGrad(() => network.train().forward(images));
      const buffers = [...network.namedBuffers()].map(([buffer, tensor]) => [buffer, tensor.toArray()]);
      movingStatistics = Object.fromEntries(buffers);
    }
    jobs[name] = {
      module: join(folder, `${name}.py`),
      images: join(folder, `${name}.images`),
      shape: images.shape,
      train,
    };
    network.dispose();
  }
  writeFileSync(
    join(folder, 'picture'),
    planar(
      await sharp(await pictureFile())
        .raw()
        .toBuffer(),
    ),
  );
  for (const [name, framing] of Object.entries(framings)) {
    const { network, description } = example(nasnetA, { ...small, input: [20, 24] }, 1);
    const preprocessing = { ...framing, ...asBytes };
    await writePyTorch(join(folder, `${name}.py`), network, { ...description, preprocessing }, { verify: false });
    jobs[name] = {
      module: join(folder, `${name}.py`),
      picture: join(folder, 'picture'),
      shape: [3, picture.height, picture.width],
    };
  }
  const program = join(import.meta.dirname, 'run_exported.py');
  const output = execFileSync(python, [program], { input: JSON.stringify(Object.values(jobs)), maxBuffer: 1e8 });
  const results = JSON.parse(output.toString()) as RunResult[];
  ran = Object.fromEntries(Object.keys(jobs).map((name, index) => [name, results[index]!]));
});

/** Returns a PNG with gradients and edges. */
function pictureFile(): Promise<Buffer> {
  const { height, width } = picture;
  const bytes = Uint8Array.from({ length: 3 * height * width }, (_, index) => {
    const [x, y] = [Math.floor(index / 3) % width, Math.floor(index / 3 / width)];
    return 128 + 100 * Math.sin(x / (5 + (index % 3))) * Math.cos(y / 7) + (x > 40 && y > 30 ? 27 : -27);
  });
  return sharp(bytes, { raw: { height, width, channels: 3 } })
    .png()
    .toBuffer();
}

for (const name of Object.keys(networks)) {
  test(`${name} gives the same logits in PyTorch`, { skip }, (t) => {
    const { logits, classes, parameters } = ran[name]!;
    const difference = relativeDifference(expected[name]!.logits, Float32Array.from(logits));
    t.diagnostic(`relative difference ${difference.toExponential(1)}`);
    assert.ok(difference <= 1e-4, `${difference}`);
    assert.ok(expected[name]!.logits.some((value) => value !== expected[name]!.logits[0]));
    assert.equal(parameters, expected[name]!.parameters);
    assert.equal(classes.length * 2, logits.length);
  });
}

test('training updates the statistics as the engine does, and every parameter gets a gradient', { skip }, () => {
  const { buffers, unlearned, fresh } = ran.nasnet_a!;
  assert.deepEqual(Object.keys(buffers).sort(), Object.keys(movingStatistics).sort());
  for (const [name, values] of Object.entries(movingStatistics)) {
    const difference = relativeDifference(values, Float32Array.from(buffers[name]!));
    assert.ok(difference <= 1e-4, `${name}: ${difference}`);
  }
  assert.deepEqual(unlearned, []);
  assert.deepEqual(fresh, [2, 3]);
});

for (const [name, framing] of Object.entries(framings)) {
  test(`prepare() returns the pixels that nasnet computes: ${name}`, { skip }, async () => {
    const bytes = await prepareImage(await pictureFile(), framing, [20, 24]);
    const ours = scope(() => [...imageBatch([bytes], [20, 24], { ...framing, ...asBytes }).toArray()]);
    const differences = ran[name]!.pixels.map((value, index) => Math.abs(value - ours[index]!));
    const mean = differences.reduce((sum, each) => sum + each, 0) / differences.length;
    assert.equal(differences.length, ours.length);
    // libvips rounds its filters and the rows between; a window off by one pixel gives a mean of 8 and more here
    assert.ok(Math.max(...differences) <= 4 && mean < 0.6, `at most ${Math.max(...differences)}, mean ${mean}`);
  });
}

test('the file checks that it computes the same, and fails with other weights', { skip }, async () => {
  const path = join(folder, 'checked.py');
  const { network, description } = example(nasnetA, small, 1);
  const { largestDifference } = await writePyTorch(path, network, description, { python });
  assert.ok(largestDifference! <= 1e-4);
  writeModel(join(folder, 'checked.safetensors'), example(nasnetA, small, 2).network, description);
  const { status, stdout } = spawnSync(python, [path], { encoding: 'utf8' });
  assert.equal(status, 1);
  assert.match(stdout, /^[\d,]+ parameters, 10 classes\nrelative difference from nasnet's logits: \d\.\d+e[+-]\d+\n$/);
});

/** Returns the path of a program that replaces Python and runs this script. */
function fakePython(name: string, script: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

test('if the logits differ or the file does not run, nothing is written and an older file stays', async () => {
  const own = join(folder, 'own');
  mkdirSync(own);
  const { network, description } = example(nasnetA, small, 1);
  const path = join(own, 'kept.py');
  writeFileSync(path, '# older');
  const differing = fakePython('differing', `echo "relative difference from nasnet's logits: 3.10e-02"; exit 1`);
  await assert.rejects(
    writePyTorch(path, network, description, { python: differing }),
    (error) => error instanceof Failure && /within 1e-4 .* got 3\.10e-02: nothing is written/.test(error.message),
  );
  const crashing = fakePython('crashing', 'echo "MemoryError" >&2; exit 1');
  await assert.rejects(
    writePyTorch(path, network, description, { python: crashing }),
    (error) => error instanceof Failure && /could not run the exported file \(MemoryError\)/.test(error.message),
  );
  const stop = AbortSignal.abort();
  await assert.rejects(writePyTorch(path, network, description, { python: crashing, signal: stop }), Interruption);
  assert.deepEqual(readdirSync(own), ['kept.py']);
  assert.equal(readFileSync(path, 'utf8'), '# older');
});

test('without Python or torch the files are written and the result says why they were not compared', async () => {
  const { network, description } = example(nasnetA, small, 1);
  const torchless = fakePython('torchless', `echo "ModuleNotFoundError: No module named 'torch'" >&2; exit 1`);
  for (const [program, why] of [
    ['no-such-python', 'no-such-python is not installed'],
    [torchless, `${torchless} has no torch`],
  ] as const) {
    const result = await writePyTorch(join(folder, 'unverified.py'), network, description, { python: program });
    assert.deepEqual([result.unverified, result.largestDifference], [why, undefined]);
    assert.ok(readFileSync(join(folder, 'unverified.py'), 'utf8').startsWith('"""A NASNet image classifier'));
  }
});

test('a name that Python cannot import is refused before any computation', async () => {
  const { network, description } = example(nasnetA, small, 1);
  for (const name of ['nasnet-a.py', '2nd.py', 'torch.py', 'network']) {
    await assert.rejects(writePyTorch(join(folder, name), network, description), InputError);
  }
});

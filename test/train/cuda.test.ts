// A training on a GPU compared with the same training on the CPU: batches, first gradients, complete trainings, and the
// captured step with the uncaptured one. Run with NVIDIA_TF32_OVERRIDE=0, since TF32 has 19-bit products.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TrainingBatches } from '../../src/data/batches.ts';
import { imagesOn } from '../../src/data/device-images.ts';
import { capturesGraphs } from '../../src/engine/cuda-graph.ts';
import type { Precision } from '../../src/engine/device.ts';
import { scope } from '../../src/engine/memory.ts';
import { buildNetwork } from '../../src/model/network.ts';
import type { Module } from '../../src/nn/module.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { RandomStream } from '../../src/random/stream.ts';
import type { Architecture } from '../../src/space/architecture.ts';
import { decode } from '../../src/space/decisions.ts';
import { nasnetA } from '../../src/space/published.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { DeviceSteps } from '../../src/train/device-steps.ts';
import { evaluateNetwork } from '../../src/train/evaluation.ts';
import { HostSteps } from '../../src/train/host-steps.ts';
import { averageShareAt, learningRateAt } from '../../src/train/learning-rate.ts';
import { createOptimizer } from '../../src/train/optimizer.ts';
import { childRecipe, type Recipe } from '../../src/train/recipe.ts';
import { defaultOptimizer } from '../../src/train/recipe-choices.ts';
import { type StepPlan, StepSums, type Trainee } from '../../src/train/step.ts';
import { trainNetwork } from '../../src/train/training.ts';
import { gpu, withoutGpu } from '../engine/gpu.ts';
import { classes, greyImages } from './images.ts';

const skip = withoutGpu;
const [side, steps] = [16, 24];
const recipe: Recipe = {
  ...childRecipe,
  batchSize: 16,
  learningRate: 0.02,
  auxiliaryWeight: 0.4,
  dropPathKeep: 0.6,
  cutout: 4,
};

const from = greyImages(128, side, 'images');
const whitening = { mean: [130, 120, 110], deviation: [60, 61, 62] };
const batchesOn = (device: string) =>
  new TrainingBatches({
    from: imagesOn(device, from),
    whitening,
    batchSize: recipe.batchSize,
    seed: 1,
    augmentation: recipe,
  });

const planOf = (step: number): StepPlan => ({
  epoch: Math.floor(step / batchesOn('cpu').count),
  index: step % batchesOn('cpu').count,
  progress: (step + 1) / steps,
  learningRate: learningRateAt(recipe, step, steps),
  averageShare: averageShareAt(recipe, step, batchesOn('cpu').count),
  seed: new RandomStream('steps').split(`${step}`).integer(2 ** 31),
});

function traineeOn(
  device: string,
  precision: Precision = 'float32',
  architecture = nasnetA,
  mine = recipe,
): Trainee & Disposable {
  const auxiliary = mine.auxiliaryWeight > 0;
  const plan = planNetwork(architecture, { cells: 1, filters: 8, input: side, classes, auxiliary });
  const network = buildNetwork(plan, { seed: 3, dropPathKeep: mine.dropPathKeep, precision, device });
  const optimizer = createOptimizer(network, mine);
  const [sums, parameters] = [new StepSums(device), network.parameters()];
  const dispose = () => {
    for (const each of [network, optimizer]) each.dispose();
    sums[Symbol.dispose]();
  };
  return { network, parameters, optimizer, recipe: mine, sums, [Symbol.dispose]: dispose };
}

function losses(mine: Trainee, running: { run(step: number): void }, count = steps): number[] {
  return Array.from({ length: count }, (_, step) => {
    running.run(step);
    const { loss } = mine.sums.read();
    mine.sums.clear();
    return loss;
  });
}

const gap = (found: number, expected: number) => Math.abs(found - expected) / Math.abs(expected);

function distance(one: Module, other: Module): number {
  let [apart, whole] = [0, 0];
  const others = other.stateDict();
  for (const [name, each] of Object.entries(one.stateDict())) {
    const numbers = others[name]!.detach().toArray();
    each
      .detach()
      .toArray()
      .forEach((value, index) => {
        apart += (value - numbers[index]!) ** 2;
        whole += numbers[index]! ** 2;
      });
  }
  return Math.sqrt(apart / whole);
}

test('a batch made on a GPU equals that made on the CPU, up to the rounding of the enlargement', { skip }, () => {
  const [onCpu, onGpu] = [batchesOn('cpu'), batchesOn(gpu)];
  for (const [epoch, step] of [
    [0, 0],
    [0, 5],
    [3, 2],
  ] as const) {
    scope(() => {
      const [one, other] = [onCpu.batch(epoch, step), onGpu.batch(epoch, step)];
      assert.equal(other.images.device, gpu);
      assert.deepEqual([...other.labels.toArray()], [...one.labels.toArray()]);
      const expected = one.images.toArray();
      const apart = other.images.toArray().map((value, place) => Math.abs(value - expected[place]!));
      assert.ok(apart.every((each) => each < 1e-5));
      assert.deepEqual(other.images.strides, one.images.strides);
    });
  }
});

const some: [string, Architecture][] = [1, 2, 3, 4, 5].map((seed) => [
  `random architecture ${seed}`,
  decode(sampleDecisions(new RandomStream(seed))),
]);
// Without drop-path, since every device samples its own masks.
const plain = { ...recipe, auxiliaryWeight: 0, dropPathKeep: 1 };

for (const [name, architecture] of [['NASNet-A', nasnetA] as [string, Architecture], ...some]) {
  test(`${name} has the same first step on a GPU as on the CPU`, { skip }, () => {
    using onCpu = traineeOn('cpu', 'float32', architecture, plain);
    using onGpu = traineeOn(gpu, 'float32', architecture, plain);
    assert.equal(distance(onGpu.network, onCpu.network), 0, 'one seed, one start');
    const expected = losses(onCpu, new HostSteps(onCpu, batchesOn('cpu'), planOf), 2);
    using running = new DeviceSteps(onGpu, batchesOn(gpu), { capture: false, planOf, steps: () => steps });
    const found = losses(onGpu, running, 2);
    assert.ok(gap(found[0]!, expected[0]!) < 1e-4, `first losses ${found[0]}, ${expected[0]}`);
    assert.ok(gap(found[1]!, expected[1]!) < 5e-3, `second losses ${found[1]}, ${expected[1]}`);
  });
}

for (const [precision, optimizer] of [
  ['float32', 'momentum'],
  ['bfloat16', 'momentum'],
  ['float32', 'muon'],
] as const) {
  const moved: Recipe = { ...recipe, optimizer: defaultOptimizer(optimizer) };
  test(`a captured step in ${precision}, by ${optimizer}, replays the same as the uncaptured step: rates, masks, seeds, batches`, {
    skip,
  }, () => {
    const capture = capturesGraphs(gpu);
    if (gpu !== 'cpu')
      assert.ok(capture, 'the addon was compiled without CUDA: see what the set-up said of its headers');
    using alone = traineeOn(gpu, precision, nasnetA, moved);
    using replayed = traineeOn(gpu, precision, nasnetA, moved);
    using again = traineeOn(gpu, precision, nasnetA, moved);
    const run = (mine: Trainee, capturing: boolean) => {
      using running = new DeviceSteps(mine, batchesOn(gpu), {
        capture: capturing,
        planOf,
        steps: () => steps,
        ahead: 5,
      });
      const found = losses(mine, running);
      assert.equal(running.captured, capturing);
      return found;
    };
    const [expected, found, other] = [run(alone, false), run(replayed, capture), run(again, false)];
    assert.equal(found[0], expected[0], 'the first steps are the same ones');
    // cuDNN may choose other algorithms and add in another order: two runs without a graph differ by as much.
    const noise = Math.max(...expected.map((loss, step) => gap(other[step]!, loss)));
    const difference = Math.max(...found.map((loss, step) => gap(loss, expected[step]!)));
    const weights = [distance(replayed.network, alone.network), distance(again.network, alone.network)];
    console.log(
      `${precision}: losses differ by ${difference} with a graph, ${noise} without; weights by ${weights.join(', ')}`,
    );
    assert.ok(gap(found[4]!, expected[4]!) < 1e-2, 'the first replay');
    assert.ok(difference <= Math.max(5e-2, 4 * noise), `${found} against ${expected}`);
  });
}

test('a complete training on a GPU in bfloat16 learns as much as on the CPU', { skip }, async () => {
  const device = gpu;
  const longer = { ...plain, epochs: 8 };
  using mine = traineeOn(device, 'bfloat16', nasnetA, longer);
  const told: number[] = [];
  const figures = await trainNetwork(mine.network, batchesOn(device), longer, {
    seed: 1,
    onEpoch: ({ loss }) => told.push(loss),
    validate: () =>
      evaluateNetwork(
        mine.network,
        [{ images: batchesOn(device).batch(0, 0).images, labels: batchesOn(device).batch(0, 0).labels }],
        classes,
      ),
  });
  assert.ok(told.at(-1)! < 0.3 * told[0]!, `${told}`);
  assert.ok(figures.validation!.accuracy > 0.9, `${figures.validation!.accuracy}`);
});

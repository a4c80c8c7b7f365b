// The steps of a training as programs: the same bits as operator by operator, for any cell, batch and recipe.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { arange, randint } from '../../src/engine/create.ts';
import { setThreads, threads } from '../../src/engine/machine.ts';
import { keep, liveTensors, scope } from '../../src/engine/memory.ts';
import { observed } from '../../src/engine/operator.ts';
import { Generator, manualSeed } from '../../src/engine/random.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { buildNetwork, type NetworkSettings } from '../../src/model/network.ts';
import { WeightAverage } from '../../src/nn/weight-average.ts';
import { type Plan, type PlanOptions, planNetwork } from '../../src/plan/plan.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { decode } from '../../src/space/decisions.ts';
import { operationNames } from '../../src/space/operations.ts';
import { nasnetA } from '../../src/space/published.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { createOptimizer } from '../../src/train/optimizer.ts';
import { type Recipe, recipes } from '../../src/train/recipe.ts';
import { StepSums, type Trainee, trainingStep } from '../../src/train/step.ts';
import { StepPrograms } from '../../src/train/step-programs.ts';

const small: PlanOptions = { layout: 'cifar', cells: 1, filters: 4, input: 8, classes: 10 };

interface Setting {
  plan: Plan;
  recipe?: Partial<Recipe>;
  network?: NetworkSettings;
  /** Whether classes have weights, and images are mixed with others. */
  weighed?: boolean;
  mixes?: boolean;
  /** The step whose images have a number that is none. */
  poisoned?: number;
  /** The images of each step and their side. */
  batches?: readonly (readonly [count: number, side: number])[];
}

const fourAlike = (plan: Plan) => Array.from({ length: 4 }, () => [6, plan.input[0]] as const);

/** Trains some steps, and returns every number that they leave. */
function trained(setting: Setting, asPrograms: boolean) {
  const { plan, recipe = {}, network: settings, batches = fourAlike(plan), weighed = false, mixes = false } = setting;
  const { poisoned } = setting;
  const network = buildNetwork(plan, { seed: 1, ...settings }).train(true);
  const parameters = network.parameters();
  const whole = { ...recipes.fast, ...recipe };
  using optimizer = createOptimizer(network, whole);
  using average = new WeightAverage(network.stateDict());
  using sums = new StepSums('cpu');
  const classWeights = weighed ? keep(arange(0, plan.classes).to('float32').add(0.5)) : undefined;
  const trainee: Trainee = { network, parameters, optimizer, recipe: whole, sums, average, classWeights };
  using programs = asPrograms ? StepPrograms.of(trainee) : undefined;
  const operators: number[] = [];
  const figures: number[] = [];
  const live: number[] = [];
  manualSeed(5);
  batches.forEach(([count, side], step) => {
    let called = 0;
    observed(
      () => called++,
      () =>
        scope(() => {
          const generator = new Generator(step);
          const images = randint(0, 256, [count, 3, side, side], { generator }).to('float32').div(255);
          if (step === poisoned) images.select(0, 1).select(0, 2).select(0, 3).select(0, 1).fill_(Number.NaN);
          const labels = randint(0, plan.classes, [count], { generator });
          const mixed = {
            partners: randint(0, plan.classes, [count], { generator }),
            weights: randint(0, 100, [count], { generator }).to('float32').div(100),
          };
          const inputs = { images: images.contiguous('channels_last'), labels, ...(mixes && { mixed }) };
          const numbers = { progress: step / batches.length, learningRate: 0.05, averageShare: 0.1 };
          const { loss, norm } = trainingStep({ ...trainee, programs }, { ...inputs, ...numbers });
          figures.push(loss.item() as number, norm.item() as number);
        }),
    );
    operators.push(called);
    live.push(liveTensors());
  });
  const bits = (tensors: readonly Tensor[]) => tensors.map((each) => Buffer.from(each.toBytes()).toString('base64'));
  const left = {
    figures,
    sums: sums.read(),
    gradients: bits(parameters.map((each) => each.grad!)),
    weights: bits(Object.values(network.stateDict())),
    momenta: bits(Object.values(optimizer.state())),
    averages: bits(Object.values(average.state())),
  };
  network.dispose();
  return { left, operators, live, programs: programs !== undefined };
}

/** Asserts equal bits. @returns the operators that JavaScript called in each step of the programs */
function assertSameBits(what: string, setting: Setting): number[] {
  const expected = trained(setting, false);
  const found = trained(setting, true);
  assert.ok(found.programs, what);
  assert.deepEqual(found.left, expected.left, what);
  return found.operators;
}

/** Asserts that all steps but the first run as programs. */
function assertPrograms(what: string, setting: Setting): void {
  const [first, ...others] = assertSameBits(what, setting);
  for (const each of others) assert.ok(each < first! / 2, `${what}: ${each} operators after ${first}`);
}

const cellOf = (names: readonly string[], combine: 'add' | 'concat') => ({
  blocks: names.map((name) => ({ inputs: [0, 1], operations: [name, name], combine }) as const),
});

test('NASNet-A has the bits of operator by operator, on one thread and on two', () => {
  const before = threads();
  for (const count of [1, 2]) {
    setThreads(count);
    assertPrograms(`${count} threads`, { plan: planNetwork(nasnetA, { ...small, filters: 8, input: 16 }) });
  }
  setThreads(before);
});

test('all operations have them, added and concatenated', () => {
  for (const combine of ['add', 'concat'] as const) {
    for (let from = 0; from < operationNames.length; from += 5) {
      const names = operationNames.slice(from, from + 5);
      const cell = cellOf(names, combine);
      assertPrograms(names.join(), { plan: planNetwork({ normal: cell, reduction: cell }, small) });
    }
  }
});

test('cells sampled at random have them', () => {
  const random = new RandomStream('cells');
  for (const space of ['a', 'b', 'c'] as const) {
    for (let index = 0; index < 8; index++) {
      const architecture = decode(sampleDecisions(random, 3, space), space);
      assertPrograms(`${space} ${index}`, { plan: planNetwork(architecture, small) });
    }
  }
});

test('auxiliary heads, smooth labels, parts, weights of classes, mixed images, and bfloat16 have them', () => {
  const plan = planNetwork(nasnetA, { ...small, input: 16 });
  assertPrograms('auxiliary', {
    plan: planNetwork(nasnetA, { ...small, input: 32, auxiliary: true }),
    recipe: { auxiliaryWeight: 0.4 },
  });
  assertPrograms('labels', { plan, recipe: { labelSmoothing: 0.1 } });
  assertPrograms('parts', { plan, recipe: { accumulate: 3 } });
  assertPrograms('classes', { plan, weighed: true });
  assertPrograms('mixed', { plan, mixes: true, recipe: { labelSmoothing: 0.1 } });
  assertPrograms('bfloat16', { plan, network: { precision: 'bfloat16' } });
});

test('each size of images and of batches has its own program', () => {
  const batches = [
    [6, 8],
    [6, 8],
    [3, 8],
    [6, 16],
    [6, 16],
    [3, 16],
    [3, 8],
    [6, 8],
  ] as const;
  const operators = assertSameBits('sizes', { plan: planNetwork(nasnetA, { ...small, input: 16 }), batches });
  const isFirst = [true, false, true, true, false, true, false, false];
  assert.deepEqual(
    operators.map((each) => each > 100),
    isFirst,
  );
});

test('trainings with random paths or dropout stay operator by operator, with equal bits', () => {
  const plan = planNetwork(nasnetA, small);
  assert.equal(trained({ plan, network: { dropPathKeep: 0.7 } }, true).programs, false);
  const operators = assertSameBits('dropout', { plan, network: { dropoutKeep: 0.5 } });
  assert.equal(new Set(operators).size, 1);
});

test('a NaN in the images spreads as operator by operator, and the sums know after which step', () => {
  const plan = planNetwork(nasnetA, { ...small, input: 16 });
  for (const precision of ['float32', 'bfloat16'] as const) {
    const setting = { plan, network: { precision }, recipe: { clipNorm: 5 }, poisoned: 2 };
    assertPrograms(precision, setting);
    const { figures, sums } = trained(setting, true).left;
    assert.deepEqual(
      figures.map((each) => Number.isFinite(each)),
      [true, true, true, true, false, false, false, false],
    );
    assert.equal(sums.finite, 2);
  }
});

test('a gradient that somebody has keeps its numbers in later steps', () => {
  scope(() => {
    const network = buildNetwork(planNetwork(nasnetA, small), { seed: 1 }).train(true);
    const recipe = recipes.fast;
    using optimizer = createOptimizer(network, recipe);
    using sums = new StepSums('cpu');
    const trainee: Trainee = { network, parameters: network.parameters(), optimizer, recipe, sums };
    using programs = StepPrograms.of(trainee);
    const images = randint(0, 256, [6, 3, 8, 8]).to('float32').div(255).contiguous('channels_last');
    const numbers = { progress: 0, learningRate: 0.05, averageShare: 0 };
    const step = () => void trainingStep({ ...trainee, programs }, { images, labels: arange(0, 6), ...numbers });
    step();
    step();
    const held = network.parameters().map((each) => each.grad!);
    const before = held.map((each) => each.toBytes());
    step();
    assert.deepEqual(
      held.map((each) => each.toBytes()),
      before,
    );
    const after = network.parameters().map((each) => each.grad!.toBytes());
    assert.notDeepEqual(after, before);
    network.dispose();
  });
});

test('a step for which there is no memory changes nothing, and the next one has the bits of operator by operator', (t) => {
  if (process.platform !== 'linux' || spawnSync('prlimit', ['--version']).error) return t.skip('no prlimit here');
  const script = join(import.meta.dirname, 'step-without-memory.ts');
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.deepEqual(JSON.parse(stdout), { kind: 'out-of-memory', tensorsLeft: 0, hasEqualBits: true });
});

test('a worker that trains one cell after the other needs little more memory than for the first', (t) => {
  if (process.platform !== 'linux') return t.skip('no /proc here');
  const script = join(import.meta.dirname, 'step-memory-growth.ts');
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const peaks: number[] = JSON.parse(stdout);
  const risen = peaks.at(-1)! - peaks[0]!;
  assert.ok(risen < 150, `${risen} MB in eight trainings, whose steps need about 40: ${peaks}`);
});

test('steps leave no tensors behind', () => {
  const { live } = trained({ plan: planNetwork(nasnetA, small) }, true);
  assert.equal(new Set(live.slice(1)).size, 1);
});

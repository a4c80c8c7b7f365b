// The step that a GPU captures, run on the CPU: it calls the same operators with the same numbers every time, never
// waits, and trains like the host's steps. bench/gpu.ts compares a captured graph on a GPU.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TrainingBatches } from '../../src/data/batches.ts';
import { addon } from '../../src/engine/addon.ts';
import { Graph } from '../../src/engine/cuda-graph.ts';
import type { Precision } from '../../src/engine/device.ts';
import { liveTensors } from '../../src/engine/memory.ts';
import { buildNetwork } from '../../src/model/network.ts';
import type { Module } from '../../src/nn/module.ts';
import { WeightAverage } from '../../src/nn/weight-average.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { nasnetA } from '../../src/space/published.ts';
import { DeviceSteps } from '../../src/train/device-steps.ts';
import { sidesOf } from '../../src/train/growth.ts';
import { HostSteps } from '../../src/train/host-steps.ts';
import { averageShareAt, learningRateAt } from '../../src/train/learning-rate.ts';
import { createOptimizer } from '../../src/train/optimizer.ts';
import { childRecipe, type Recipe } from '../../src/train/recipe.ts';
import { defaultOptimizer, type OptimizerName, optimizerNames } from '../../src/train/recipe-choices.ts';
import { type StepPlan, StepSums, type Trainee } from '../../src/train/step.ts';
import { instrumentEngine, record } from '../engine/recording.ts';
import { classes, greyImages } from './images.ts';

instrumentEngine();

const [side, steps] = [16, 40];
const recipe: Recipe = { ...childRecipe, batchSize: 8, auxiliaryWeight: 0.4, dropPathKeep: 0.6, cutout: 4 };

function batches(): TrainingBatches {
  const from = greyImages(64, side, 'images');
  const whitening = { mean: [130, 130, 130], deviation: [60, 60, 60] };
  return new TrainingBatches({ from, whitening, batchSize: recipe.batchSize, seed: 1, augmentation: recipe });
}

const shared = batches();
const planOf = (step: number): StepPlan => ({
  epoch: Math.floor(step / shared.count),
  index: step % shared.count,
  progress: step / steps,
  learningRate: learningRateAt(recipe, step, steps),
  averageShare: averageShareAt(recipe, step, shared.count),
  seed: new RandomStream('steps').split(`${step}`).integer(2 ** 31),
});

function trainee(precision: Precision = 'float32', optimizerName: OptimizerName = 'momentum'): Trainee & Disposable {
  const plan = planNetwork(nasnetA, { cells: 1, filters: 4, input: side, classes, auxiliary: true });
  const network = buildNetwork(plan, { seed: 3, dropPathKeep: recipe.dropPathKeep, precision });
  const moved: Recipe = { ...recipe, optimizer: defaultOptimizer(optimizerName) };
  const optimizer = createOptimizer(network, moved);
  const sums = new StepSums('cpu');
  const parameters = network.parameters();
  const dispose = () => {
    for (const each of [network, optimizer]) each.dispose();
    sums[Symbol.dispose]();
  };
  return { network, parameters, optimizer, recipe, sums, [Symbol.dispose]: dispose };
}

/** Returns the losses of the steps from 0 on, and the weights after them. */
function losses(mine: Trainee, running: { run(step: number): void }, count = steps): number[] {
  return Array.from({ length: count }, (_, step) => {
    running.run(step);
    const { loss } = mine.sums.read();
    mine.sums.clear();
    return loss;
  });
}

const captured = (mine: Trainee, ahead = 7) =>
  new DeviceSteps(mine, shared, { capture: false, planOf, steps: () => steps, ahead });
const numbers = (network: Module) => Object.values(network.stateDict()).flatMap((each) => [...each.detach().toArray()]);

const kinds = [['bfloat16', 'momentum'] as const, ...optimizerNames.map((name) => ['float32', name] as const)];

for (const [precision, optimizerName] of kinds) {
  test(`every step in ${precision}, by ${optimizerName}, calls the same operators with the same numbers, and reads nothing back`, () => {
    using mine = trainee(precision, optimizerName);
    using running = captured(mine, steps); // all numbers travel before the first step
    running.run(0);
    const early = record(() => running.run(1));
    for (let step = 2; step < 20; step++) running.run(step);
    const late = record(() => running.run(20));
    assert.ok(early.operators.length > 300, `${early.operators.length} operators`);
    assert.deepEqual(late.operators.slice(4), early.operators.slice(4)); // before: the copies of this step's numbers
    assert.deepEqual([early.crossings, late.crossings], [[], []]);
    for (const each of early.operators.slice(0, 4)) assert.match(each, /^aten::(select|copy_)/);
  });
}

test('host steps cannot be captured: their numbers change from step to step', () => {
  using mine = trainee();
  const running = new HostSteps(mine, shared, planOf);
  running.run(0);
  const [one, other] = [record(() => running.run(1)), record(() => running.run(2))];
  assert.notDeepEqual(one.operators, other.operators);
  assert.ok(one.crossings.includes('fromBytes'));
});

test('at learning rates of powers of two, where no product is rounded, forty steps of both kinds agree to the bit', () => {
  // Progress above 0, as the host draws no masks at 0 where all of them are 1.
  const exact = (step: number): StepPlan => ({
    ...planOf(step),
    progress: (step + 1) / steps,
    learningRate: 2 ** -(5 + (step % 3)),
  });
  using host = trainee();
  using device = trainee();
  const expected = losses(host, new HostSteps(host, shared, exact));
  using running = new DeviceSteps(device, shared, { capture: false, planOf: exact, steps: () => steps, ahead: 7 });
  assert.deepEqual(losses(device, running), expected);
  assert.deepEqual(numbers(device.network), numbers(host.network));
  assert.equal(device.optimizer.stepsTaken, steps);
});

test('if the end of the training is moved, the steps that were already sent to the device are sent again', () => {
  const moving = () => {
    let end = steps;
    const move = (step: number) => {
      if (step === 3) end = 20; // of the steps 0 to 6, which travel together
    };
    const planAt = (step: number): StepPlan => ({ ...planOf(step), progress: (step + 1) / end, learningRate: 1 / 64 });
    return { end: () => end, move, planAt };
  };
  const run = (mine: Trainee, running: { run(step: number): void }, move: (step: number) => void) =>
    losses(mine, { run: (step) => void [move(step), running.run(step)] }, 10);
  using host = trainee();
  const [onHost, onDevice] = [moving(), moving()];
  const expected = run(host, new HostSteps(host, shared, onHost.planAt), onHost.move);
  using device = trainee();
  using running = new DeviceSteps(device, shared, {
    ...{ capture: false, planOf: onDevice.planAt, steps: onDevice.end, ahead: 7 },
  });
  assert.deepEqual(run(device, running, onDevice.move), expected);
});

test('at any other learning rate a device step updates each weight as the host step does, up to one rounding', () => {
  using host = trainee();
  using device = trainee();
  const onHost = new HostSteps(host, shared, planOf);
  using running = captured(device);
  for (let step = 1; step < 12; step++) {
    device.network.loadStateDict(host.network.stateDict());
    device.optimizer.load(host.optimizer.state(), host.optimizer.stepsTaken);
    onHost.run(step);
    running.run(step);
    const [found, expected] = [numbers(device.network), numbers(host.network)];
    const worst = found.reduce((most, value, index) => {
      return Math.max(most, Math.abs(value - expected[index]!) / largest(expected[index]!));
    }, 0);
    assert.ok(worst <= 2 ** -23, `step ${step}: ${worst}`);
  }
});

/** The scale of the rounding error of an update: updates are smaller than 1. */
const largest = (value: number) => Math.max(1, Math.abs(value));

/** A recipe with every technique. */
const techniques: Recipe = {
  ...recipe,
  auxiliaryWeight: 0,
  labelSmoothing: 0.1,
  biasRate: 4,
  weightDecay: 2 ** -8,
  decoupledDecay: true,
  averageEpochs: 0.5,
  accumulate: 2,
  dropPathRule: 'linear',
  flip: 'alternate',
  growth: [{ scale: 0.5, until: 0.3 }],
};
const alternating = new TrainingBatches({
  from: greyImages(64, side, 'images'),
  whitening: shared.whitening,
  batchSize: recipe.batchSize,
  seed: 1,
  augmentation: techniques,
});

function learner(precision: Precision = 'float32') {
  const plan = planNetwork(nasnetA, { cells: 1, filters: 4, input: side, classes });
  const network = buildNetwork(plan, { seed: 3, dropPathKeep: 0.6, dropPathRule: 'linear', precision });
  const optimizer = createOptimizer(network, techniques);
  const average = new WeightAverage(network.stateDict());
  const mine = { network, parameters: network.parameters(), optimizer, recipe: techniques, sums: new StepSums('cpu') };
  return { ...mine, average };
}

const sideAt = sidesOf(planNetwork(nasnetA, { cells: 1, filters: 4, input: side }), techniques.growth);
const growing = (step: number): StepPlan => ({
  ...planOf(step),
  progress: (step + 1) / steps,
  learningRate: 2 ** -(5 + (step % 3)),
  averageShare: averageShareAt(techniques, step, alternating.count),
  side: sideAt(step / steps),
});

test('a step with every technique agrees to the bit with the host\u2019s, its averaged weights too, while images grow', () => {
  const [host, device] = [learner(), learner()];
  const expected = losses(host, new HostSteps(host, alternating, growing));
  using running = new DeviceSteps(device, alternating, {
    capture: false,
    planOf: growing,
    steps: () => steps,
    ahead: 7,
  });
  assert.deepEqual(losses(device, running), expected);
  assert.deepEqual(numbers(device.network), numbers(host.network));
  for (const mine of [host, device]) mine.average.swap();
  assert.deepEqual(numbers(device.network), numbers(host.network));
});

test('in bfloat16 such a step keeps averages in float32, and learns', () => {
  const half = learner('bfloat16');
  using running = new DeviceSteps(half, alternating, { capture: false, planOf: growing, steps: () => steps });
  const found = losses(half, running);
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  assert.ok(mean(found.slice(-5)) < 0.9 * mean(found.slice(0, 5)), found.join(' '));
  for (const each of Object.values(half.average.state())) assert.equal(each.dtype, 'float32');
});

test('bfloat16 learns like float32, with weights, statistics and gradients in float32', () => {
  using single = trainee();
  using half = trainee('bfloat16');
  const expected = losses(single, new HostSteps(single, shared, planOf));
  const found = losses(half, new HostSteps(half, shared, planOf));
  assert.ok(Math.abs(found[0]! / expected[0]! - 1) < 0.02, `first losses ${found[0]} and ${expected[0]}`);
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [begin, end] = [mean(found.slice(0, 5)), mean(found.slice(-5))];
  assert.ok(end < 0.75 * begin, `from ${begin} to ${end}`);
  assert.ok(Math.abs(end / mean(expected.slice(-5)) - 1) < 0.25, `${end} against ${mean(expected.slice(-5))}`);
  for (const each of Object.values(half.network.stateDict())) assert.equal(each.dtype, 'float32');
  for (const each of half.network.parameters()) assert.equal(each.grad!.dtype, 'float32');
});

test('steps on a device leave no live tensor', () => {
  using mine = trainee();
  const before = liveTensors();
  {
    using running = captured(mine, 3);
    for (let step = 0; step < 8; step++) running.run(step);
  }
  assert.equal(liveTensors(), before);
});

/** Runs with a simulated graph; returns the calls of the GPU. */
function asked(body: (requests: string[]) => void): void {
  const native = addon();
  const requests: string[] = [];
  const pretended = {
    beginCapture: () => requests.push('begin'),
    endCapture: () => void requests.push('end'),
    replayGraph: (graph: number) => void requests.push(`replay ${graph}`),
    abandonGraph: (graph: number) => void requests.push(`abandon ${graph}`),
  };
  const before = Object.fromEntries(Object.keys(pretended).map((name) => [name, native[name as keyof typeof native]]));
  Object.assign(native, pretended);
  try {
    body(requests);
  } finally {
    Object.assign(native, before);
  }
}

test('where images grow, the graph of the smaller ones is discarded and one of the larger ones captured', () => {
  asked((requests) => {
    const mine = learner();
    {
      using running = new DeviceSteps(mine, alternating, { capture: true, planOf: growing, steps: () => steps });
      for (let step = 7; step < 16; step++) running.run(step); // images grow at step 12
    }
    const expected = ['begin', 'end', 'replay 1', 'replay 1', 'abandon 1', 'begin', 'end', 'replay 6', 'abandon 6'];
    assert.deepEqual(requests, expected);
  });
});

test('a step is captured once, after three uncaptured ones, and then replayed; its graph is freed at the end', () => {
  asked((requests) => {
    using mine = trainee();
    {
      using running = new DeviceSteps(mine, shared, { capture: true, planOf, steps: () => steps });
      for (let step = 0; step < 6; step++) running.run(step);
      assert.ok(running.captured);
    }
    assert.deepEqual(requests, ['begin', 'end', 'replay 1', 'replay 1', 'replay 1', 'abandon 1']);
    assert.equal(mine.optimizer.stepsTaken, 6);
    assert.throws(() => Graph.capture(() => assert.fail('what cannot be captured')), /what cannot be captured/);
    assert.deepEqual(requests.slice(-2), ['begin', 'abandon 7'], 'a half captured graph is given up, too');
  });
});

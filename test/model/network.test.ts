// Built networks: their counts and names against the plan, their values against a second computation, random
// architectures.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randn, tensor } from '../../src/engine/create.ts';
import { backward } from '../../src/engine/gradient.ts';
import { setThreads } from '../../src/engine/machine.ts';
import { liveTensors, noGrad, scope } from '../../src/engine/memory.ts';
import { batchNorm, cat, conv2d, crossEntropy, linear, maxPool2d, pad } from '../../src/engine/operators.ts';
import { generatorState, manualSeed } from '../../src/engine/random.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { buildNetwork } from '../../src/model/network.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { RandomStream } from '../../src/random/stream.ts';
import type { Architecture } from '../../src/space/architecture.ts';
import { decode } from '../../src/space/decisions.ts';
import { operationNames } from '../../src/space/operations.ts';
import { nasnetA } from '../../src/space/published.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { assertClose, assertNamedAsPlanned, counted } from './built.ts';
import { releasedForward } from './released-forward.ts';

setThreads(1);

test('the built NASNet-A 6@768 has the published numbers of parameters', () => {
  const plan = planNetwork(nasnetA, { cells: 6, filters: 32, auxiliary: true });
  const network = buildNetwork(plan);
  assert.deepEqual(counted(network), {
    trainableParameters: 3_346_538,
    totalParameters: 3_383_786,
    auxiliaryParameters: 1_631_498,
  });
  assertNamedAsPlanned(network, plan);
});

test('three hundred random architectures build as planned, run forward and backward, and every parameter gets a finite gradient', () => {
  const classes = 4;
  for (let seed = 0; seed < 300; seed++) {
    const random = new RandomStream(seed);
    const architecture = decode(sampleDecisions(random, seed % 10 === 0 ? 2 : 5));
    const [height, width] = [9 + random.integer(4), 9 + random.integer(4)];
    const settings = { cells: seed % 2, filters: 1 + random.integer(4), input: [height, width] as const, classes };
    const plan = planNetwork(architecture, { ...settings, auxiliary: seed % 3 === 0 });
    const network = buildNetwork(plan, { seed, dropPathKeep: 0.9 });
    assertNamedAsPlanned(network, plan);
    scope(() => {
      manualSeed(seed);
      const images = randn([3, 3, height, width]);
      const labels = tensor([0, 1, 3], [3], { dtype: 'int64' });
      const { logits, auxiliaryLogits } = network.forward(images, { progress: seed % 5 === 0 ? 0.5 : 0 });
      assert.deepEqual(logits.shape, [3, classes]);
      assert.equal(auxiliaryLogits !== undefined, seed % 3 === 0);
      const loss = crossEntropy(logits, labels);
      backward(auxiliaryLogits ? loss.add(crossEntropy(auxiliaryLogits, labels), 0.4) : loss);
      for (const [name, parameter] of network.namedParameters()) {
        const gradient = parameter.grad;
        assert.ok(gradient, `seed ${seed}: ${name} has no gradient`);
        assert.equal(gradient.isFinite().all().item(), 1, `seed ${seed}: ${name}`);
      }
    });
    network.dispose();
  }
});

test('the forward pass of NASNet-A equals a second computation, straight from the released description', () => {
  const plan = planNetwork(nasnetA, { cells: 1, filters: 4, input: [18, 15], auxiliary: true });
  const network = buildNetwork(plan, { seed: 3, dtype: 'float64' });
  assert.equal(plan.auxiliary!.from, 'Cell_1');
  scope(() => {
    const images = randn([2, 3, 18, 15], { dtype: 'float64' });
    const { logits, auxiliaryLogits } = noGrad(() => network.forward(images));
    const expected = noGrad(() =>
      releasedForward(network.stateDict(), images, { layout: 'cifar', filters: 4, skipReductionInput: false }),
    );
    assertClose(logits, expected.logits);
    assertClose(auxiliaryLogits!, expected.auxiliaryLogits);
  });
});

test('each kind of operation and combiner computes its definition', () => {
  // One reduction cell of four blocks with every operation that NASNet-A lacks, on 6 channels, against written-out
  // operators.
  const cell: Architecture['normal'] = {
    blocks: [
      { inputs: [0, 0], operations: ['conv_1x3_3x1', 'dil_conv_3x3'], combine: 'concat' },
      { inputs: [2, 2], operations: ['conv_1x7_7x1', 'conv_3x3'], combine: 'add' },
      { inputs: [3, 2], operations: ['max_pool_5x5', 'conv_1x1'], combine: 'add' },
      { inputs: [4, 3], operations: ['max_pool_7x7', 'max_pool_7x7'], combine: 'concat' },
    ],
  };
  const plan = planNetwork({ normal: cell, reduction: cell }, { cells: 0, filters: 3, input: 12 });
  const network = buildNetwork(plan, { seed: 5, dtype: 'float64' });
  scope(() => {
    const images = randn([2, 3, 12, 12], { dtype: 'float64' });
    const { logits } = noGrad(() => network.forward(images));
    const weights = network.stateDict();
    const norm = (x: Tensor, name: string) => {
      const [weight, bias] = [weights[`${name}.scale`]!, weights[`${name}.shift`]!];
      const moving = { movingMean: bias.clone(), movingVariance: weight.clone() }; // written to in training mode
      return batchNorm(x, { weight, bias, ...moving, training: true, momentum: 0.1, epsilon: 1e-5 });
    };
    const conv = (x: Tensor, name: string, options = {}) => conv2d(x, weights[`${name}.weight`]!, options);
    const one = (name: string, current: Tensor, f: number) => {
      const h0 = norm(conv(current.relu(), `${name}.current.pointwise`), `${name}.current.norm`);
      const at = (block: number, side: string) => `${name}.block_${block}.${side}`;
      // Stride 2 on an even side: 3 wide pads 0 and 1, dilated 5 wide 1 and 2.
      const across = conv(pad(h0.relu(), [0, 0, 0, 1]), `${at(0, 'left')}.across`, { stride: [1, 2] });
      const down = conv(pad(across, [0, 1, 0, 0]), `${at(0, 'left')}.down`, { stride: [2, 1] });
      const dilated = conv(pad(h0.relu(), [1, 2, 1, 2]), `${at(0, 'right')}.depthwise`, {
        stride: 2,
        dilation: 2,
        groups: f,
      });
      const h2 = cat(
        [
          norm(down, `${at(0, 'left')}.norm`),
          norm(conv(dilated, `${at(0, 'right')}.pointwise`), `${at(0, 'right')}.norm`),
        ],
        1,
      );
      const wide = conv(conv(h2.relu(), `${at(1, 'left')}.across`, { padding: [0, 3] }), `${at(1, 'left')}.down`, {
        padding: [3, 0],
      });
      const square = conv(h2.relu(), `${at(1, 'right')}.convolution`, { padding: 1 });
      const h3 = norm(wide, `${at(1, 'left')}.norm`).add(norm(square, `${at(1, 'right')}.norm`));
      const point = norm(conv(h2.relu(), `${at(2, 'right')}.convolution`), `${at(2, 'right')}.norm`);
      const h4 = maxPool2d(h3, { kernel: 5, stride: 1, padding: 2 }).add(point);
      const seven = (x: Tensor) => maxPool2d(x, { kernel: 7, stride: 1, padding: 3 });
      return cat([seven(h4), seven(h3)], 1);
    };
    const expected = noGrad(() => {
      const stem = norm(conv(images, 'stem.convolution', { padding: 1 }), 'stem.norm');
      const last = one('reduction_cell_1', one('reduction_cell_0', stem, 6), 12);
      return linear(last.relu().mean([2, 3]), weights['head.linear.weight']!, weights['head.linear.bias']);
    });
    assertClose(logits, expected);
  });
});

test('the seed determines the weights and does not affect the generator', () => {
  const plan = planNetwork(nasnetA, { cells: 0, filters: 2 });
  const weights = (seed: number) =>
    buildNetwork(plan, { seed })
      .parameters()
      .map((parameter) => [...parameter.toArray()]);
  manualSeed(11);
  const before = generatorState();
  const first = weights(1);
  assert.deepEqual(generatorState(), before);
  assert.deepEqual(weights(1), first);
  assert.notDeepEqual(weights(2), first);
});

test('weights that are loaded next are not initialised', () => {
  const plan = planNetwork(nasnetA, { cells: 1, filters: 2, input: 8 });
  const weights = buildNetwork(plan, { seed: 1 }).train(false);
  const before = generatorState();
  const loaded = buildNetwork(plan, { initialise: false }).train(false);
  assert.deepEqual(generatorState(), before);
  loaded.loadStateDict(weights.stateDict());
  scope(() => {
    const images = randn([2, 3, 8, 8]);
    const [expected, actual] = [weights, loaded].map((network) =>
      noGrad(() => network.forward(images)).logits.toArray(),
    );
    assert.deepEqual(actual, expected);
  });
  assert.throws(() => buildNetwork(plan, { initialise: false, dtype: 'none' as never }));
  const [first, second] = [1, 1].map((seed) => buildNetwork(plan, { seed }).parameters()[0]!.toArray());
  assert.deepEqual(first, second); // drawing again, after the error too
  assert.notDeepEqual(first, buildNetwork(plan, { seed: 2 }).parameters()[0]!.toArray());
});

test('convolutions start with the variance of the released initialiser, batch norm as the identity', () => {
  const network = buildNetwork(planNetwork(nasnetA, { cells: 1, filters: 32 }), { seed: 1 });
  const deviation = (name: string) => Math.sqrt(network.stateDict()[name]!.square().mean().item());
  // A normal distribution truncated at two deviations has 0.8796 of the deviation: √(1.3 · 2 / fan out) · 0.8796, fan
  // out = k² · out.
  const released = (fanOut: number) => 0.8796 * Math.sqrt(2.6 / fanOut);
  const close = (actual: number, expected: number) =>
    assert.ok(Math.abs(actual / expected - 1) < 0.1, `${actual} ${expected}`);
  close(deviation('stem.convolution.weight'), released(9 * 96));
  close(deviation('cell_2.current.pointwise.weight'), released(128));
  close(deviation('cell_2.block_0.left.separable_1.depthwise.weight'), released(25));
  close(deviation('head.linear.weight'), 0.8796 * Math.sqrt(1.3 / 768));
  const { 'stem.norm.scale': scale, 'stem.norm.shift': shift } = network.stateDict();
  assert.ok(scale!.toArray().every((value) => value === 1) && shift!.toArray().every((value) => value === 0));
});

test('evaluation computes each image by itself, without an auxiliary head, and changes nothing', () => {
  const plan = planNetwork(nasnetA, { cells: 1, filters: 4, input: 16, auxiliary: true });
  const network = buildNetwork(plan, { seed: 1, dropPathKeep: 0.5, dropoutKeep: 0.5 });
  const images = randn([6, 3, 16, 16]);
  scope(() => noGrad(() => network.forward(images))); // updates the moving statistics once
  network.train(false);
  const before = Object.values(network.stateDict()).map((value) => [...value.toArray()]);
  scope(() =>
    noGrad(() => {
      const output = network.forward(images, { progress: 1 });
      assert.equal(output.auxiliaryLogits, undefined);
      const alone = network.forward(images.narrow(0, 4, 1), { progress: 1 });
      const difference = alone.logits
        .sub(output.logits.narrow(0, 4, 1))
        .abs()
        .max()
        .item();
      assert.ok(difference < 1e-4, `differs by ${difference}`);
    }),
  );
  assert.deepEqual(
    Object.values(network.stateDict()).map((value) => [...value.toArray()]),
    before,
  );
});

test('dropout before the classifier drops all features at a keep of almost 0, in float64 and with all thirteen operations', () => {
  const blocks = operationNames.map((name) => ({ inputs: [0, 1], operations: [name, name], combine: 'add' }) as const);
  const plan = planNetwork({ normal: { blocks }, reduction: { blocks } }, { cells: 1, filters: 2, input: 8 });
  const network = buildNetwork(plan, { seed: 1, dtype: 'float64', dropoutKeep: 1e-9 });
  scope(() => {
    const images = randn([2, 3, 8, 8], { dtype: 'float64' });
    const { logits } = noGrad(() => network.forward(images));
    assert.ok(logits.toArray().every((value) => value === 0)); // every feature dropped, the bias is 0
    assert.equal(logits.dtype, 'float64');
  });
});

test('forward and backward in a scope leave no live tensor behind', () => {
  const network = buildNetwork(planNetwork(nasnetA, { cells: 1, filters: 2, input: 8 }), {
    seed: 1,
    dropPathKeep: 0.8,
  });
  const images = randn([2, 3, 8, 8]);
  const step = () =>
    scope(() => {
      backward(network.forward(images, { progress: 1 }).logits.square().sum());
      network.zeroGrad();
    });
  step();
  const before = liveTensors();
  for (let count = 0; count < 5; count++) step();
  assert.equal(liveTensors(), before);
});

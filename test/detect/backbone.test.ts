// The backbone against the classifier that it is cut from, at several sizes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backbone } from '../../src/detect/backbone.ts';
import { rand } from '../../src/engine/create.ts';
import { backward, gradients } from '../../src/engine/gradient.ts';
import { liveTensors, noGrad, scope } from '../../src/engine/memory.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { InputError } from '../../src/failure.ts';
import { buildNetwork } from '../../src/model/network.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { planTrunk } from '../../src/plan/plan-trunk.ts';
import type { Architecture } from '../../src/space/architecture.ts';
import { nasnetA } from '../../src/space/published.ts';
import { smallB } from '../space/small-b.ts';

const sizes = { layout: 'imagenet', cells: 1, filters: 8, stemChannels: 8 } as const;
const endpoints = ['Cell_Stem_0', 'Stem', 'Cell_0', 'Reduction_Cell_0', 'Cell_2'];

/** A classifier and a backbone with its weights. */
function twins(architecture: Architecture, names: readonly string[], frozenNorms = false) {
  const network = buildNetwork(planNetwork(architecture, { ...sizes, input: 96, classes: 3 }), { seed: 3 });
  const backbone = new Backbone(architecture, { ...sizes, input: 96 }, names, { frozenNorms });
  const state = network.stateDict();
  backbone.loadStateDict(Object.fromEntries(Object.keys(backbone.stateDict()).map((name) => [name, state[name]!])));
  return { network: network.train(false), backbone: backbone.train(false) };
}

for (const [name, architecture, names] of [
  ['NASNet-A', nasnetA, endpoints],
  ['cells that pass on each state', smallB, ['Cell_Stem_0', 'Cell_0', 'Cell_2']],
] as const) {
  test(`${name}: features at any size are those of the classifier for that size`, () => {
    const { network, backbone } = twins(architecture, names);
    for (const [height, width] of [
      [96, 96],
      [75, 101],
      [64, 128],
    ] as const) {
      scope(() =>
        noGrad(() => {
          const images = rand([2, 3, height, width]).sub(0.5);
          const features = backbone.forward(images);
          const plan = planNetwork(architecture, { ...sizes, input: [height, width], classes: 3 });
          const other = buildNetwork(plan).train(false);
          other.loadStateDict(network.stateDict());
          const known = names.filter((each) => architecture === nasnetA || each === 'Cell_2');
          const expected = other.forward(images, { features: known }).features!;
          for (const each of known) assert.deepEqual(features[each]!.toBytes(), expected[each]!.toBytes(), each);
          const planned = planTrunk(architecture, { ...sizes, input: [height, width] }, names).ends;
          for (const each of names) {
            const [rows, columns, channels] = planned[each]!;
            assert.deepEqual(features[each]!.shape, [2, channels, rows, columns], each);
          }
          other.dispose();
        }),
      );
    }
  });
}

test('pictures of other sizes train the same weights, and no size leaves tensors behind', () => {
  const { backbone } = twins(nasnetA, ['Cell_2']);
  backbone.train(true);
  const weight = backbone.namedParameters().get('stem.convolution.weight')!;
  const learn = (side: number) =>
    scope(() => {
      backbone.zeroGrad();
      backward(
        backbone
          .forward(rand([2, 3, side, side]))
          .Cell_2!.square()
          .mean(),
      );
      return weight.grad!.norm().item();
    });
  assert.ok(learn(96) > 0 && learn(80) > 0 && learn(72) > 0);
  backbone.zeroGrad();
  const before = liveTensors();
  learn(80);
  backbone.zeroGrad();
  assert.equal(liveTensors(), before);
});

/** A weight's gradient of a sum, by the engine and by central differences. */
function bothGradients(backbone: Backbone, weight: Tensor, images: Tensor): [number, number] {
  const loss = () => backbone.forward(images).Cell_2!.to('float64').square().mean();
  const direction = scope(() => gradients(loss(), [weight])[0]!);
  const length = direction.norm().item();
  const step = 1e-3 / length;
  const moved = (by: number) =>
    noGrad(() => {
      weight.add_(direction, by);
      const value = loss().item();
      weight.sub_(direction, by);
      return value;
    });
  return [length ** 2, (moved(step) - moved(-step)) / (2 * step)];
}

test('frozen norms do not move in training, and gradients pass through them', () => {
  const { backbone } = twins(nasnetA, ['Cell_2'], true);
  backbone.train(true);
  scope(() => {
    const images = rand([2, 3, 96, 96]).sub(0.5);
    const before = Object.entries(backbone.stateDict()).map(([name, each]) => [name, each.toBytes()] as const);
    const inTraining = backbone.forward(images).Cell_2!.toBytes();
    const state = backbone.stateDict();
    for (const [name, bytes] of before) assert.deepEqual(state[name]!.toBytes(), bytes, name);
    assert.deepEqual(backbone.train(false).forward(images).Cell_2!.toBytes(), inTraining);
    backbone.train(true);
    const weight = backbone.namedParameters().get('cell_0.current.pointwise.weight')!;
    const [got, expected] = bothGradients(backbone, weight, images);
    assert.ok(Math.abs(got / expected - 1) < 0.02, `${got} ${expected}`);
  });
});

test('an unknown endpoint is refused', () => {
  assert.throws(
    () => new Backbone(nasnetA, { ...sizes, input: 96 }, ['Cell_9']),
    (error) => error instanceof InputError && /expected one of Stem_Convolution, .*got "Cell_9"/.test(error.message),
  );
});

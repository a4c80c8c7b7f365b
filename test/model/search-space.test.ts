// Built networks of the spaces of NASNet-B and -C: names, values against a second computation, gradients.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randn, tensor } from '../../src/engine/create.ts';
import { backward, gradients } from '../../src/engine/gradient.ts';
import { setThreads } from '../../src/engine/machine.ts';
import { noGrad, scope } from '../../src/engine/memory.ts';
import { avgPool2d, cat, conv2d, crossEntropy, linear, maxPool2d, pad } from '../../src/engine/operators.ts';
import { manualSeed } from '../../src/engine/random.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { buildNetwork } from '../../src/model/network.ts';
import { Path, SharedRelus } from '../../src/model/path.ts';
import { LayerPath } from '../../src/plan/layer-path.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { decode } from '../../src/space/decisions.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { smallB } from '../space/small-b.ts';
import { assertClose, assertNamedAsPlanned } from './built.ts';

setThreads(1);

const float64 = { dtype: 'float64' } as const;
const norms = ['layer-norm', 'instance-norm'] as const;

function normPath(kind: (typeof norms)[number], channels: number, epsilon = 1e-6) {
  const laid = new LayerPath([3, 2, channels], 'sum', { decay: 0.9, epsilon: 1e-5 }).imageNorm(kind, epsilon);
  return new Path(laid.layers, float64);
}

test('layer norm normalises whole images, instance norm their channels, and each channel has a scale and a shift', () => {
  // Two channels of 3 × 2 pixels: mean 1 and variance 1; mean 5 and variance 4. Together: mean 3, variance 2.5 + 4.
  const image = [0, 2, 0, 2, 0, 2, 3, 7, 3, 7, 3, 7];
  for (const kind of norms) {
    const path = normPath(kind, 2, 0.5);
    scope(() => {
      const [scale, shift] = [...path.parameters()];
      noGrad(() => scale!.copy_(tensor(Float64Array.of(2, -1))));
      noGrad(() => shift!.copy_(tensor(Float64Array.of(10, 20))));
      const input = tensor(Float64Array.from([...image, ...image.map((value) => 3 * value)]), [2, 2, 3, 2]);
      const actual = path.forward(input.contiguous('channels_last'), new SharedRelus()).toArray();
      const expected = [1, 3].flatMap((factor) =>
        image.map((value, place) => {
          const first = place < 6;
          const [mean, variance] = kind === 'layer-norm' ? [3, 6.5] : first ? [1, 1] : [5, 4];
          const even = (factor * (value - mean)) / Math.sqrt(factor ** 2 * variance + 0.5);
          return first ? 2 * even + 10 : -even + 20;
        }),
      );
      expected.forEach((value, place) => {
        assert.ok(Math.abs(value - actual[place]!) < 1e-12, `${kind} [${place}]: ${actual[place]}, ${value}`);
      });
    });
  }
});

test('both norms have the gradients of finite differences, to their input and their parameters', () => {
  manualSeed(1);
  for (const kind of norms) {
    for (const channels of [1, 3]) {
      scope(() => {
        const path = normPath(kind, channels);
        const input = randn([2, channels, 3, 2], { ...float64, requiresGrad: true });
        const weights = randn([2, channels, 3, 2], float64);
        const loss = () => path.forward(input, new SharedRelus()).mul(weights).sum();
        const variables = [input, ...path.parameters()];
        const actual = gradients(loss(), variables);
        variables.forEach((variable, index) => {
          actual[index]!.toArray().forEach((exact: number | bigint, place: number) => {
            const approximate = difference(loss, variable, place);
            const far = Math.abs(Number(exact) - approximate);
            assert.ok(
              far < 1e-6 * Math.max(1, Math.abs(approximate)),
              `${kind} ${index}[${place}]: ${exact}, ${approximate}`,
            );
          });
        });
      });
    }
  }
});

/** Returns the central difference of a loss with respect to one element of a variable. */
function difference(loss: () => Tensor, variable: Tensor, place: number): number {
  const step = 1e-6;
  const direction = new Float64Array(variable.size);
  direction[place] = step;
  return noGrad(() => {
    const nudge = tensor(direction, variable.shape);
    variable.add_(nudge);
    const above = loss().item();
    variable.add_(nudge, -2);
    const below = loss().item();
    variable.add_(nudge);
    return (above - below) / (2 * step);
  });
}

test('a network of space B computes the same as written out cell by cell', () => {
  const network = buildNetwork(planNetwork(smallB, { cells: 1, filters: 2, input: 8 }), { seed: 4, ...float64 });
  scope(() => {
    const images = randn([3, 3, 8, 8], float64);
    const weights = network.stateDict();
    const own = (name: string, x: Tensor) => {
      const column = (part: string) => weights[`${name}.${part}`]!.reshape([1, -1, 1, 1]);
      return x.mul(column('scale')).add(column('shift'));
    };
    const even = (x: Tensor, over: number[], epsilon: number) => {
      const centred = x.sub(x.mean(over, true));
      return centred.div(centred.square().mean(over, true).add(epsilon).sqrt());
    };
    const batch = (x: Tensor, name: string) => own(name, even(x, [0, 2, 3], 1e-5));
    const weight = (name: string) => weights[`${name}.weight`]!;
    const project = (x: Tensor, name: string, layer = 'pointwise', stride = 1) =>
      batch(conv2d(x.relu(), weight(`${name}.${layer}`), { stride }), `${name}.norm`);
    const halve = (x: Tensor, name: string) => {
      const [relu, shifted] = [x.relu(), pad(x.relu(), [-1, 1, -1, 1])];
      const halves = [relu, shifted].map((image, odd) =>
        conv2d(image, weight(`${name}.${odd ? 'odd' : 'even'}`), { stride: 2 }),
      );
      return batch(cat(halves, 1), `${name}.norm`);
    };
    const normal = (name: string, [a, b]: Tensor[]): Tensor[] => {
      const sum = project(a!, `${name}.block_0.left`, 'convolution').add(b!);
      const first = own(`${name}.block_0.norm`, even(sum, [1, 2, 3], 1e-12));
      return [first, cat([maxPool2d(pad(first, [1, 1, 1, 1], -1e9), { kernel: 3, stride: 1 }), a!], 1)];
    };
    const reduction = (name: string, [a, b]: Tensor[]): Tensor[] => {
      const sum = (x: Tensor) => avgPool2d(pad(x, [0, 1, 0, 1]), { kernel: 3, stride: 2 }).mul(9);
      const mean = sum(b!).div(sum(b!.mul(0).add(1)));
      const first = project(a!, `${name}.block_0.left`, 'pointwise', 2).add(mean);
      // The second state of the second reduction cell is not read, so it has no weights.
      const norm = `${name}.block_1.norm`;
      return [first, ...(`${norm}.scale` in weights ? [own(norm, even(first.mul(2), [2, 3], 1e-6))] : [])];
    };
    const expected = noGrad(() => {
      const stem = batch(conv2d(pad(images, [1, 1, 1, 1]), weight('stem.convolution')), 'stem.norm');
      const own0 = (x: Tensor, name: string) => project(x, `${name}.input_0`);
      const cell0 = normal('cell_0', [own0(stem, 'cell_0'), project(stem, 'cell_0.input_1')]);
      const small0 = reduction('reduction_cell_0', [
        own0(cell0[0]!, 'reduction_cell_0'),
        project(stem, 'reduction_cell_0.input_1'),
      ]);
      const cell1 = normal('cell_1', [own0(small0[0]!, 'cell_1'), halve(cell0[1]!, 'cell_1.input_1.half_1')]);
      const small1 = reduction('reduction_cell_1', [
        own0(cell1[0]!, 'reduction_cell_1'),
        project(small0[1]!, 'reduction_cell_1.input_1'),
      ]);
      const cell2 = normal('cell_2', [own0(small1[0]!, 'cell_2'), halve(cell1[1]!, 'cell_2.input_1.half_1')]);
      const pooled = cat(cell2, 1).relu().mean([2, 3]);
      return linear(pooled, weight('head.linear'), weights['head.linear.bias']);
    });
    assertClose(
      noGrad(() => network.forward(images).logits),
      expected,
    );
  });
});

for (const space of ['b', 'c'] as const) {
  test(`sixty random architectures of space ${space} build as planned, and every parameter gets a finite gradient`, () => {
    for (let seed = 0; seed < 60; seed++) {
      const random = new RandomStream(`${space} ${seed}`);
      const architecture = decode(sampleDecisions(random, seed % 5 === 0 ? 2 : undefined, space), space);
      const side = 13 + random.integer(4);
      const filters = 2 + random.integer(3);
      const plan = planNetwork(architecture, {
        cells: seed % 3,
        filters,
        input: side,
        classes: 4,
        auxiliary: seed % 2 === 0,
      });
      const network = buildNetwork(plan, { seed, dropPathKeep: 0.9 });
      assertNamedAsPlanned(network, plan);
      scope(() => {
        manualSeed(seed);
        const labels = tensor([0, 1, 3], [3], { dtype: 'int64' });
        const { logits, auxiliaryLogits } = network.forward(randn([3, 3, side, side]), { progress: 0.5 });
        const loss = crossEntropy(logits, labels);
        backward(auxiliaryLogits ? loss.add(crossEntropy(auxiliaryLogits, labels), 0.4) : loss);
        for (const [name, parameter] of network.namedParameters()) {
          assert.ok(parameter.grad, `seed ${seed}: ${name} has no gradient`);
          assert.equal(parameter.grad.isFinite().all().item(), 1, `seed ${seed}: ${name}`);
        }
      });
      network.dispose();
    }
  });
}

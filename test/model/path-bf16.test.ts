// Networks of fused units in bfloat16: what stays in float32, how accurate they are, and that they learn.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arange, randn } from '../../src/engine/create.ts';
import type { Precision } from '../../src/engine/device.ts';
import { backward, clearGradients } from '../../src/engine/gradient.ts';
import { noGrad, scope } from '../../src/engine/memory.ts';
import { crossEntropy } from '../../src/engine/operators.ts';
import { manualSeed } from '../../src/engine/random.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { switches } from '../../src/environment.ts';
import { buildNetwork, type Network } from '../../src/model/network.ts';
import { clipByGlobalNorm, Momentum } from '../../src/nn/optimizers.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { decode } from '../../src/space/decisions.ts';
import { nasnetA } from '../../src/space/published.ts';
import { sampleDecisions } from '../../src/space/sample.ts';

type Side = { logits: Tensor; gradient: Tensor[] };

const product = (one: Side, other: Side) =>
  one.gradient.reduce((sum, each, index) => sum + (each.mul(other.gradient[index]!).sum().item() as number), 0);
const cosine = (one: Side, other: Side) => product(one, other) / Math.sqrt(product(one, one) * product(other, other));
/** Σ |a − b| / Σ |b| */
const distance = (one: Side, { logits }: Side) =>
  (one.logits.sub(logits).abs().sum().item() as number) / (logits.abs().sum().item() as number);

test('networks of random cells keep parameters, gradients and logits in float32, and are as accurate as libtorch', () => {
  const before = switches.fused;
  const [near, far, ahead, behind] = [0, 0, 0, 0].map(() => [] as number[]) as [number[], number[], number[], number[]];
  try {
    for (let seed = 0; seed < 6; seed++) {
      scope(() => {
        const architecture = decode(sampleDecisions(new RandomStream(`bf16 ${seed}`)));
        const plan = planNetwork(architecture, { cells: 1, filters: 6 + seed, input: 16 });
        manualSeed(seed);
        const images = randn([8, 3, 16, 16]);
        const side = (precision: Precision, fused: 'on' | 'off'): Side => {
          switches.fused = fused === 'on';
          const network = buildNetwork(plan, { seed, precision });
          const { logits } = network.forward(images);
          backward(crossEntropy(logits, arange(0, 8)));
          const gradient = network.parameters().map((each) => each.grad!.flatten());
          assert.ok([logits, ...gradient, ...network.parameters()].every(({ dtype }) => dtype === 'float32'));
          return { logits, gradient };
        };
        const [single, ours, libtorch] = [side('float32', 'on'), side('bfloat16', 'on'), side('bfloat16', 'off')];
        near.push(distance(ours, single));
        far.push(distance(libtorch, single));
        ahead.push(cosine(ours, single));
        behind.push(cosine(libtorch, single));
      });
    }
  } finally {
    switches.fused = before;
  }
  const mean = (some: readonly number[]) => some.reduce((sum, each) => sum + each, 0) / some.length;
  assert.ok(
    Math.min(...near) > 0 && Math.max(...near) < 0.1 && mean(near) < 1.1 * mean(far),
    `logits: ${near}; ${far}`,
  );
  assert.ok(mean(ahead) > mean(behind) - 0.01, `cosines of gradients: ${ahead}; ${behind}`);
});

/** Trains with momentum on eight images, each with its own class. Returns the network and its accuracy. */
function learned(precision: Precision, steps: number): { network: Network; accuracy: number } {
  manualSeed(3);
  const plan = planNetwork(nasnetA, { cells: 1, filters: 4, input: 16, classes: 8 });
  const network = buildNetwork(plan, { seed: 3, precision });
  const parameters = network.parameters();
  const optimizer = new Momentum(network.namedParameters(), { momentum: 0.9, nesterov: true, weightDecay: 0 });
  const [images, labels] = [randn([8, 3, 16, 16]), arange(0, 8)];
  for (let step = 0; step < steps; step++) {
    scope(() => {
      clearGradients(parameters);
      backward(crossEntropy(network.forward(images).logits, labels));
      clipByGlobalNorm(parameters, 5);
      optimizer.step(0.02);
    });
  }
  const right = scope(() => noGrad(() => network.forward(images).logits.argmax(1).eq(labels).sum().item() as number));
  return { network, accuracy: right / 8 };
}

test('a small network memorises eight images in bfloat16, and a repetition gives the same bits', () => {
  scope(() => {
    const [one, again] = [learned('bfloat16', 60), learned('bfloat16', 60)];
    assert.equal(one.accuracy, 1);
    const bits = ({ network }: typeof one) => network.parameters().map((each) => each.detach().toArray());
    assert.deepEqual(bits(one), bits(again));
  });
});

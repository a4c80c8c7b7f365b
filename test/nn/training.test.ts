// Layers, optimizer and scope together: a small network learns, is reproducible to the bit, and leaks no tensors.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { randint, randn } from '../../src/engine/create.ts';
import { backward } from '../../src/engine/gradient.ts';
import { setThreads, threads } from '../../src/engine/machine.ts';
import { liveTensors, scope } from '../../src/engine/memory.ts';
import { avgPool2d, crossEntropy, maxPool2d } from '../../src/engine/operators.ts';
import { manualSeed } from '../../src/engine/random.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { BatchNorm2d, Conv2d, Linear } from '../../src/nn/layers.ts';
import { Module } from '../../src/nn/module.ts';
import { clipByGlobalNorm, Momentum } from '../../src/nn/optimizers.ts';

const usual = threads();
after(() => setThreads(usual));

class SmallNetwork extends Module {
  readonly #convolution = this.child('convolution', new Conv2d({ inputs: 3, outputs: 8, kernel: 3, padding: 1 }));
  readonly #norm = this.child('norm', new BatchNorm2d({ channels: 8 }));
  readonly #depthwise = this.child(
    'depthwise',
    new Conv2d({ inputs: 8, outputs: 8, kernel: 3, padding: 1, groups: 8 }),
  );
  readonly #head = this.child('head', new Linear({ inputs: 8, outputs: 4 }));

  /** [n, 3, 8, 8] → [n, 4] */
  forward(images: Tensor): Tensor {
    const features = this.#norm.forward(this.#convolution.forward(images)).relu();
    const smaller = maxPool2d(this.#depthwise.forward(features), { kernel: 2 });
    return this.#head.forward(avgPool2d(smaller, { kernel: 4 }).flatten(1));
  }
}

function training(seed: number) {
  manualSeed(seed);
  const network = new SmallNetwork();
  const optimizer = new Momentum(network.namedParameters(), { weightDecay: 1e-4 });
  const images = randn([8, 3, 8, 8]).contiguous('channels_last');
  const labels = randint(0, 4, [8]);
  const step = () =>
    scope(() => {
      network.zeroGrad();
      const loss = crossEntropy(network.forward(images), labels);
      backward(loss);
      clipByGlobalNorm(network.parameters(), 5);
      optimizer.step(0.02);
      return loss.item();
    });
  return { network, step };
}

test('a small convolutional network memorises eight images in 1,000 steps, which leave no live tensor', () => {
  const { step } = training(1);
  const first = step();
  const before = liveTensors();
  let last = first;
  for (let each = 0; each < 1000; each++) {
    last = step();
    if (each % 100 === 0) assert.equal(liveTensors(), before);
  }
  assert.equal(liveTensors(), before);
  assert.ok(first > 1 && last < 0.02, `from ${first} to ${last}`);
});

test('the same seed gives the same weights to the bit, with one thread and with two', () => {
  const weights = (count: number, seed = 3) => {
    setThreads(count);
    const { network, step } = training(seed);
    for (let each = 0; each < 20; each++) step();
    return Object.values(network.stateDict()).map((each) => each.toBytes());
  };
  const [one, two] = [weights(1), weights(2)];
  assert.deepEqual(weights(1), one);
  assert.deepEqual(weights(2), two);
  assert.notDeepEqual(weights(1, 4), one);
});

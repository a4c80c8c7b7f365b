// A network's inference as a program: the logits of layer by layer in float64 for any cell, and the same bits for an
// image however many threads and other images there are.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { rand, randn } from '../../src/engine/create.ts';
import { backward } from '../../src/engine/gradient.ts';
import { setThreads, threads } from '../../src/engine/machine.ts';
import { liveTensors, noGrad, scope } from '../../src/engine/memory.ts';
import { observed } from '../../src/engine/operator.ts';
import { manualSeed } from '../../src/engine/random.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { buildNetwork, type Network } from '../../src/model/network.ts';
import { WeightAverage } from '../../src/nn/weight-average.ts';
import { type Plan, type PlanOptions, planNetwork } from '../../src/plan/plan.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { decode } from '../../src/space/decisions.ts';
import { nasnetA } from '../../src/space/published.ts';
import { sampleDecisions } from '../../src/space/sample.ts';
import { spaceNames } from '../../src/space/search-space.ts';
import { testVersions } from '../engine/other-versions.ts';

const cifar: PlanOptions = { layout: 'cifar', cells: 2, filters: 12, input: 16, classes: 10 };
const imagenet: PlanOptions = { layout: 'imagenet', cells: 1, filters: 12, input: 64, classes: 7 };

/** A network in evaluation whose statistics, scales and shifts are all different. */
function built(plan: Plan, seed: number): Network {
  const network = buildNetwork(plan, { seed }).train(false);
  manualSeed(seed);
  noGrad(() => {
    for (const [name, tensor] of Object.entries(network.stateDict())) {
      if (name.endsWith('moving_variance') || name.endsWith('scale')) tensor.copy_(rand(tensor.shape).add(0.5));
      else if (name.endsWith('moving_mean') || name.endsWith('shift')) tensor.copy_(randn(tensor.shape).mul(0.3));
    }
  });
  return network;
}

const run = (network: Network, images: Tensor) => noGrad(() => network.forward(images).logits);

/** The logits in float64, which no program computes. */
function reference(network: Network, images: Tensor): Tensor {
  const exact = buildNetwork(network.plan, { dtype: 'float64' }).train(false);
  exact.loadStateDict(network.stateDict());
  const logits = run(exact, images.to('float64'));
  exact.dispose();
  return logits;
}

function assertNear(what: string, actual: Tensor, expected: Tensor): void {
  const largest = expected.abs().max().item() as number;
  const difference = actual.to('float64').sub(expected).abs().max().item() as number;
  assert.ok(difference <= 1e-5 * largest, `${what}: off by ${difference} where the largest logit is ${largest}`);
}

function operatorsOf(body: () => void): string[] {
  const names: string[] = [];
  observed((name) => names.push(name), body);
  return names;
}

function withThreads<T>(count: number, body: () => T): T {
  const before = threads();
  setThreads(count);
  try {
    return body();
  } finally {
    setThreads(before);
  }
}

test('a network that trains in bfloat16 is evaluated as its model file is: to the bit in float32', () => {
  scope(() => {
    const exact = built(planNetwork(nasnetA, cifar), 3);
    const trained = buildNetwork(exact.plan, { precision: 'bfloat16', exactEvaluation: true }).train(false);
    trained.loadStateDict(exact.stateDict());
    const images = randn([3, 3, 16, 16]);
    const logits = run(trained, images);
    assert.equal(logits.eq(run(exact, images)).all().item(), 1);
    trained.train();
    const inTraining = trained.forward(images).logits.detach();
    exact.train();
    assert.equal(inTraining.eq(exact.forward(images).logits).all().item(), 0); // training is in bfloat16
    trained.dispose();
    exact.dispose();
  });
});

test('a program computes the logits of any network of fused units, in one call', () => {
  for (const space of spaceNames) {
    for (const [index, options] of [cifar, imagenet].entries()) {
      for (let seed = 0; seed < 8; seed++) {
        scope(() => {
          const what = `space ${space}, layout ${index}, seed ${seed}`;
          const decisions = sampleDecisions(new RandomStream(what), undefined, space);
          const network = built(planNetwork(decode(decisions, space), options), seed);
          const images = randn([3, 3, network.plan.input[0], network.plan.input[1]]);
          assertNear(what, run(network, images), reference(network, images));
          const calls = operatorsOf(() => run(network, images));
          if (space === 'a') assert.deepEqual(calls, [], what); // the others have norms of single images
          network.dispose();
        });
      }
    }
  }
});

test('an image has the same bits alone, among others, and on any number of threads', () => {
  for (const options of [cifar, imagenet]) {
    scope(() => {
      const network = built(planNetwork(nasnetA, options), 1);
      const images = randn([37, 3, network.plan.input[0], network.plan.input[1]]);
      const expected = withThreads(1, () => run(network, images).toArray());
      for (const count of [2, 3, 5])
        assert.deepEqual(withThreads(count, () => run(network, images).toArray()), expected, `${count} threads`); // biome-ignore format: a line
      const classes = options.classes!;
      for (const count of [1, 3]) {
        const alone = withThreads(count, () => run(network, images.narrow(0, 5, 1)).toArray());
        assert.deepEqual(alone, expected.slice(5 * classes, 6 * classes), `alone on ${count} threads`);
      }
      network.dispose();
    });
  }
});

test('images of another size or layout have their own program', () => {
  scope(() => {
    const network = built(planNetwork(nasnetA, cifar), 2);
    for (const side of [16, 20, 16]) {
      const images = randn([2, 3, side, side]);
      assertNear(`${side} pixels`, run(network, images), reference(network, images));
      assert.deepEqual(run(network, images.contiguous('channels_last')).toArray(), run(network, images).toArray());
    }
    network.dispose();
  });
});

test('whatever changes the weights or the moving statistics takes effect in the next run', () => {
  scope(() => {
    const network = built(planNetwork(nasnetA, cifar), 3);
    const images = randn([4, 3, 16, 16]);
    const average = new WeightAverage(network.stateDict());
    const changes: Record<string, () => void> = {
      'one weight': () => noGrad(() => network.parameters()[4]!.mul_(1.5)),
      'one moving mean': () => noGrad(() => [...network.namedBuffers().values()][7]!.add_(0.5)),
      'a forward pass in training': () => {
        noGrad(() => network.train(true).forward(images));
        network.train(false);
      },
      'a step of training': () => {
        const { logits } = network.train(true).forward(images);
        backward(logits.pow(2).mean());
        noGrad(() => {
          for (const parameter of network.parameters()) if (parameter.grad) parameter.add_(parameter.grad.mul(-1e-3));
        });
        network.train(false);
      },
      'averaged weights': () => average.swap(),
      'the weights from before': () => average.swap(),
      'loaded weights': () => network.loadStateDict(built(network.plan, 4).stateDict()),
    };
    let before = run(network, images).toArray();
    for (const [name, change] of Object.entries(changes)) {
      change();
      const after = run(network, images);
      assert.notDeepEqual(after.toArray(), before, name);
      assertNear(name, after, reference(network, images));
      before = after.toArray();
    }
  });
});

test('a run leaves its logits only, and a disposed network no program', () => {
  const before = liveTensors();
  scope(() => {
    const network = built(planNetwork(nasnetA, cifar), 5);
    const images = randn([2, 3, 16, 16]);
    run(network, images);
    const own = liveTensors();
    run(network, images);
    assert.equal(liveTensors(), own + 1);
    network.dispose();
    assert.throws(() => run(network, images), /disposed/);
  });
  assert.equal(liveTensors(), before);
});

testVersions(fileURLToPath(import.meta.url), ['plain', 'avx2', 'avx512']);

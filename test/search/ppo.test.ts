// Proximal policy optimization: the objective by hand, its gradient in closed form, and the effects of an update.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tensor } from '../../src/engine/create.ts';
import { backward } from '../../src/engine/gradient.ts';
import { liveTensors, scope } from '../../src/engine/memory.ts';
import { Adam } from '../../src/nn/optimizers.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { Controller } from '../../src/search/controller.ts';
import { paperController } from '../../src/search/options.ts';
import { clippedObjective, measure, type RewardedSample, update } from '../../src/search/ppo.ts';
import { Replay } from '../../src/search/replay.ts';
import { sampleArchitectures } from '../../src/search/sampler.ts';

const near = (actual: number, expected: number, tolerance: number) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected} ± ${tolerance}`);

const evaluate = (controller: Controller, architectures: number[][]) =>
  new Replay(controller, architectures).evaluate();

const sizes = [2, 3, 13];
const create = () =>
  new Controller(sizes, { hiddenUnits: 8, embeddingSize: 4, initialRange: 0.5 }, new RandomStream(2));

/** Returns samples whose advantage is +1 if their first decision is 1, otherwise −1. */
function rewarded(controller: Controller, count: number): RewardedSample[] {
  const samples = sampleArchitectures(controller, new Array(count).fill(new RandomStream(5)));
  return samples.map((sample) => ({ ...sample, advantage: sample.decisions[0] === 1 ? 1 : -1 }));
}

/** Returns value and gradient of the objective for one decision with this ratio and advantage, and clip range 0.2. */
function objective(ratio: number, advantage: number): { value: number; slope: number } {
  return scope(() => {
    const logProb = tensor([Math.log(ratio)], [1, 1], { requiresGrad: true });
    const value = clippedObjective(logProb, tensor([0], [1, 1]), tensor([advantage], [1, 1]), 0.2);
    backward(value);
    return { value: value.item(), slope: logProb.grad!.item() };
  });
}

test('the objective is the smaller of the ratio’s and the clipped ratio’s gain', () => {
  const expected: [ratio: number, advantage: number, value: number, slope: number][] = [
    [1, 2, 2, 2], // derivative by the log-probability: ratio × advantage
    [1.1, 2, 2.2, 2.2],
    [1.5, 2, 2.4, 0], // clipped: no gradient
    [1.5, -2, -3, -3], // too probable for a bad architecture: still reduced
    [0.5, 2, 1, 1],
    [0.5, -2, -1.6, 0],
  ];
  for (const [ratio, advantage, value, slope] of expected) {
    const actual = objective(ratio, advantage);
    near(actual.value, value, 1e-6);
    near(actual.slope, slope, 1e-6);
  }
});

test('at ratio 1 the gradient by a softmax’s biases is the policy gradient: mean of advantage × (choice − probability)', () => {
  const controller = create();
  const batch = rewarded(controller, 12);
  const decisions = batch.map((sample) => sample.decisions);
  const gradient = scope(() => {
    const replay = new Replay(controller, decisions);
    const { logProbs } = replay.evaluate();
    const advantages = tensor(
      batch.map((sample) => sample.advantage),
      [12, 1],
    );
    replay.backward(clippedObjective(logProbs, logProbs.detach(), advantages, 0.2));
    return controller.outputBiases.grad!.toArray(); // [3, 1, 13]
  });
  // The last decision's probabilities, one option after another, by plain numbers of another way: evaluate each option.
  for (let option = 0; option < 13; option++) {
    const ends = decisions.map(([first, second]) => [first!, second!, option]);
    const probabilities = scope(() => evaluate(controller, ends).logProbs.exp().contiguous().toArray());
    const expected = batch.reduce((sum, { decisions: taken, advantage }, index) => {
      return sum + advantage * ((taken[2] === option ? 1 : 0) - probabilities[3 * index + 2]!);
    }, 0);
    near(gradient[2 * 13 + option]!, expected / (12 * 3), 1e-6);
  }
});

test('PPO leaves ratio 1 and KL 0 on its first pass', () => {
  const controller = create();
  const batch = rewarded(controller, 20);
  const old = batch.flatMap((sample) => sample.logProbs);
  const figures = scope(() =>
    measure(
      evaluate(
        controller,
        batch.map((sample) => sample.decisions),
      ),
      tensor(old, [20, 3]),
      controller.sizes,
      1e-4,
    ),
  );
  near(figures.kl, 0, 1e-6);
  assert.equal(figures.clipFraction, 0); // no ratio is outside 1 ± 0.0001
});

test('KL and clip fraction of a known policy', () => {
  // Two architectures of one decision: ratios 1.5 and 0.9 → mean of (r − 1 − ln r); one of two outside 1 ± 0.2.
  const figures = scope(() =>
    measure(
      { logProbs: tensor([Math.log(0.3), Math.log(0.45)], [2, 1]), entropies: tensor([0.5, 0.7], [2, 1]) },
      tensor([Math.log(0.2), Math.log(0.5)], [2, 1]),
      [4],
      0.2,
    ),
  );
  near(figures.kl, (0.5 - Math.log(1.5) + (-0.1 - Math.log(0.9))) / 2, 1e-6);
  assert.equal(figures.clipFraction, 0.5);
  near(figures.entropy, 0.6, 1e-6);
  near(figures.inputEntropy, 0.6 / Math.log(4), 1e-6);
  assert.equal(figures.operationEntropy, 0); // there is no such decision
});

test('an update makes good decisions more and bad ones less probable, and reports how far the policy moved', () => {
  const controller = create();
  const batch = rewarded(controller, 20);
  const probability = () => scope(() => Math.exp(evaluate(controller, [[1, 0, 0]]).logProbs.toArray()[0]!));
  const before = probability();
  const figures = update(controller, new Adam(controller.namedParameters()), batch, {
    ...paperController,
    learningRate: 0.01,
  });
  assert.ok(probability() > before + 0.02);
  near(figures.staleKl, 0, 1e-6);
  assert.ok(figures.kl > 1e-4 && figures.gradientNorm > 0);
});

test('the entropy bonus alone moves a policy towards uniform', () => {
  const controller = create();
  const batch = rewarded(controller, 20).map((sample) => ({ ...sample, advantage: 0 }));
  const optimizer = new Adam(controller.namedParameters());
  const options = { ...paperController, learningRate: 0.01, entropyWeight: 1, epochs: 50 };
  const { entropy } = update(controller, optimizer, batch, options);
  const uniform = Math.log(2) + Math.log(3) + Math.log(13);
  assert.ok(entropy > 0.999 * uniform, `${entropy} of ${uniform} nats`);
});

test('a hundred updates leave no live tensor behind', () => {
  const controller = create();
  const optimizer = new Adam(controller.namedParameters());
  const batch = rewarded(controller, 5);
  update(controller, optimizer, batch, paperController);
  const before = liveTensors();
  for (let count = 0; count < 100; count++) update(controller, optimizer, batch, paperController);
  assert.equal(liveTensors(), before);
});

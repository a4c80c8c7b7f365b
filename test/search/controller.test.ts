// The controller: its initial weights, its softmaxes, its evaluation of architectures, and the gradient of that.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tensor, zeros } from '../../src/engine/create.ts';
import { backward } from '../../src/engine/gradient.ts';
import { noGrad, scope } from '../../src/engine/memory.ts';
import { call } from '../../src/engine/operator.ts';
import { cat, embedding } from '../../src/engine/operators.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { Controller } from '../../src/search/controller.ts';
import { paperController } from '../../src/search/options.ts';
import { Replay } from '../../src/search/replay.ts';
import { sampleArchitectures } from '../../src/search/sampler.ts';
import { decisionSizes } from '../../src/space/decisions.ts';

const near = (actual: number, expected: number, tolerance: number) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected} ± ${tolerance}`);

const create = (sizes: readonly number[], range = 0.1) =>
  new Controller(sizes, { hiddenUnits: 6, embeddingSize: 4, initialRange: range }, new RandomStream(2));

const evaluate = (controller: Controller, architectures: number[][]) =>
  new Replay(controller, architectures).evaluate();

const rows = (values: ArrayLike<number>, width: number) =>
  Array.from({ length: values.length / width }, (_, row) => Array.from(values).slice(width * row, width * (row + 1)));

test('the paper’s controller has a separate softmax for each of 50 decisions, and all weights are within ±0.1', () => {
  const sizes = decisionSizes(5);
  const controller = new Controller(sizes, paperController, new RandomStream(1));
  assert.equal(sizes.length, 50);
  assert.deepEqual(controller.hiddenWeights.shape, [400, 100]);
  assert.deepEqual(controller.outputWeights.shape, [50, 100, 13]);
  assert.deepEqual(controller.embedding.shape, [1 + 2 * (2 * (2 + 3 + 4 + 5 + 6) + 5 * (13 + 13 + 2)), 32]);
  for (const parameter of controller.parameters()) {
    const values = Array.from(parameter.toArray());
    assert.ok(values.every((value) => Math.abs(value) <= Math.fround(0.1)));
    // variance of uniform ±0.1
    near(values.reduce((sum, value) => sum + value ** 2, 0) / values.length, 0.01 / 3, 0.001);
  }
});

test('the first policy is nearly uniform: its entropy is within 0.5 % of the sum of the sizes’ logarithms', () => {
  const sizes = decisionSizes(5);
  const controller = new Controller(sizes, paperController, new RandomStream(1));
  const decisions = sampleArchitectures(controller, new Array(20).fill(new RandomStream(2))).map(
    (sample) => sample.decisions,
  );
  const entropy = scope(() => evaluate(controller, decisions).entropies.sum(1).mean().item());
  const uniform = sizes.reduce((sum, size) => sum + Math.log(size), 0);
  assert.ok(entropy < uniform && entropy > 0.995 * uniform, `${entropy} nats of ${uniform}`);
});

test('evaluating a sampled architecture gives the log-probabilities with which it was sampled', () => {
  const sizes = decisionSizes(3);
  const controller = create(sizes, 1); // far from uniform
  const samples = sampleArchitectures(controller, new Array(30).fill(new RandomStream(3)));
  const logProbs = scope(() =>
    evaluate(
      controller,
      samples.map(({ decisions }) => decisions),
    )
      .logProbs.contiguous()
      .toArray(),
  );
  const sampled = samples.flatMap((sample) => sample.logProbs);
  for (const [index, expected] of sampled.entries()) near(logProbs[index]!, expected, 1e-5);
});

test('the probabilities of all architectures of a small space sum to one', () => {
  const sizes = [2, 3, 2];
  const all = [0, 1].flatMap((a) => [0, 1, 2].flatMap((b) => [0, 1].map((c) => [a, b, c])));
  const controller = create(sizes, 1);
  const logProbs = scope(() => Array.from(evaluate(controller, all).logProbs.sum(1).toArray()));
  near(
    logProbs.reduce((sum, value) => sum + Math.exp(value), 0),
    1,
    1e-6,
  );
});

test('entropies are those of the softmaxes given the previous decisions', () => {
  // Over the last decision: −Σ p log p with p from the log-probabilities of each of its options after the same
  // beginning.
  const controller = create([2, 3], 1);
  const ends = [0, 1, 2].map((option) => [1, option]);
  const { logProbs, entropies } = scope(() => {
    const evaluation = evaluate(controller, ends);
    return {
      logProbs: rows(evaluation.logProbs.contiguous().toArray(), 2),
      entropies: rows(evaluation.entropies.contiguous().toArray(), 2),
    };
  });
  const expected = -logProbs.reduce((sum, [, value]) => sum + Math.exp(value!) * value!, 0);
  for (const [, entropy] of entropies) near(entropy!, expected, 1e-6);
});

test('a decision’s probability does not depend on later decisions', () => {
  const controller = create([2, 3, 13], 1);
  const logProbs = scope(() =>
    rows(
      evaluate(controller, [
        [1, 2, 0],
        [1, 2, 12],
      ])
        .logProbs.contiguous()
        .toArray(),
      3,
    ),
  );
  assert.deepEqual(logProbs[0]!.slice(0, 2), logProbs[1]!.slice(0, 2));
});

test('gradients agree with finite differences for every parameter of a small controller', () => {
  const controller = create([2, 3, 2], 0.8);
  const decisions = [
    [0, 2, 1],
    [1, 0, 0],
  ];
  const valueWith = (parameter: Tensor, values: Float32Array) =>
    scope(() =>
      noGrad(() => {
        parameter.copy_(tensor(values, parameter.shape));
        return evaluate(controller, decisions).logProbs.sum().item();
      }),
    );
  scope(() => {
    const replay = new Replay(controller, decisions);
    replay.backward(replay.evaluate().logProbs.sum());
  });
  for (const parameter of controller.parameters()) {
    const gradient = scope(() => parameter.grad!.toArray());
    const before = parameter.toArray() as Float32Array;
    for (let index = 0; index < before.length; index += 3) {
      const valueAt = (step: number) => {
        const moved = before.slice();
        moved[index]! += step;
        return valueWith(parameter, moved);
      };
      near(gradient[index]!, (valueAt(0.02) - valueAt(-0.02)) / 0.04, 2e-3);
    }
    valueWith(parameter, before);
  }
});

/** Evaluates with libtorch's LSTM and autograd, as a reference for our steps and their gradient. */
function evaluateByAutograd(controller: Controller, architectures: readonly number[][]): Tensor {
  const { sizes, firstRows, hiddenUnits, embedding: rows } = controller;
  const previous = sizes.flatMap((_, decision) =>
    architectures.map((taken) => (decision === 0 ? 0 : firstRows[decision - 1]! + taken[decision - 1]!)),
  );
  const shape = [sizes.length, architectures.length];
  const inputs = embedding(tensor(previous, shape, { dtype: 'int64' }), rows); // [D, S, E]
  const start = zeros([1, architectures.length, hiddenUnits]);
  const noBiases = zeros([4 * hiddenUnits]); // libtorch requires two vectors of biases
  const weights = [controller.inputWeights, controller.hiddenWeights, controller.gateBiases, noBiases];
  const settings = [true, 1, 0, false, false, false];
  const [hidden] = call('aten::lstm', 'input', [inputs, [start, start], weights, ...settings]) as Tensor[];
  const columns = sizes.map((size, decision) => {
    const weight = controller.outputWeights.select(0, decision).narrow(1, 0, size);
    const logits = hidden!
      .select(0, decision)
      .matmul(weight)
      .add(controller.outputBiases.select(0, decision).narrow(1, 0, size));
    const taken = architectures.map((decisions) => decisions[decision]!);
    return logits.logSoftmax(1).gather(1, tensor(taken, [taken.length, 1], { dtype: 'int64' }));
  });
  return cat(columns, 1); // [S, D]
}

test('log-probabilities and gradients of the paper’s controller equal those of libtorch’s LSTM with autograd', () => {
  const controller = new Controller(decisionSizes(5), { ...paperController, initialRange: 0.3 }, new RandomStream(4));
  const architectures = sampleArchitectures(controller, new Array(20).fill(new RandomStream(5))).map(
    (sample) => sample.decisions,
  );
  const weights = tensor(
    Float32Array.from({ length: 1000 }, (_, index) => Math.sin(index)),
    [20, 50],
  );
  const ours = () => {
    const replay = new Replay(controller, architectures);
    replay.backward(replay.evaluate().logProbs.sum()); // must not affect the second evaluation
    const { logProbs } = replay.evaluate();
    replay.backward(logProbs.mul(weights).sum());
    return logProbs;
  };
  const autograd = () => {
    const logProbs = evaluateByAutograd(controller, architectures);
    controller.zeroGrad();
    backward(logProbs.mul(weights).sum());
    return logProbs;
  };
  const [values, expected] = [ours, autograd].map((compute) =>
    scope(() => {
      const logProbs = compute().contiguous().toArray();
      return { logProbs, gradients: controller.parameters().map((parameter) => parameter.grad!.toArray()) };
    }),
  );
  const nearAll = (actual: ArrayLike<number>, wanted: ArrayLike<number>) => {
    const largest = Array.from(wanted).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    for (let index = 0; index < wanted.length; index++) near(actual[index]!, wanted[index]!, 1e-5 * largest);
  };
  nearAll(values!.logProbs, expected!.logProbs);
  for (const [index, gradient] of expected!.gradients.entries()) nearAll(values!.gradients[index]!, gradient);
});

test('gradients never reach the columns of options that a decision does not have', () => {
  const controller = create([2, 3]);
  scope(() => {
    const replay = new Replay(controller, [
      [0, 1],
      [1, 2],
    ]);
    replay.backward(replay.evaluate().logProbs.sum());
  });
  const gradient = scope(() => rows(controller.outputBiases.grad!.toArray(), 3));
  assert.equal(gradient[0]![2], 0);
  assert.notEqual(gradient[1]![2], 0);
});

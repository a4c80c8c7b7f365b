// Sampling from the controller: against a step by hand, by frequencies, and together with other samples.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tensor } from '../../src/engine/create.ts';
import { noGrad, scope } from '../../src/engine/memory.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { Controller, firstRows } from '../../src/search/controller.ts';
import { paperController } from '../../src/search/options.ts';
import { sampleArchitectures } from '../../src/search/sampler.ts';
import { decisionSizes } from '../../src/space/decisions.ts';

const near = (actual: number, expected: number, tolerance = 1e-6) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);

interface Weights {
  inputGates: number[]; // [1 + 2 + 3 rows, 4 gates] contribution of each previous choice to the gates
  hiddenWeights: number[]; // [4 gates]
  outputWeights: number[]; // [2 decisions, 1 unit, 3 options]
  outputBiases: number[]; // [2 decisions, 3 options]
}

/**
 * Returns a controller with one hidden unit and two decisions of two and three options; all weights are 0 except the
 * given ones.
 */
function tiny(weights: Partial<Weights>): Controller {
  const rows = 6;
  const options = { hiddenUnits: 1, embeddingSize: rows, initialRange: 0 };
  const controller = new Controller([2, 3], options, new RandomStream(1));
  const { inputGates, hiddenWeights, outputWeights, outputBiases } = weights;
  const one = Array.from({ length: rows * rows }, (_, index) => (index % (rows + 1) === 0 ? 1 : 0));
  const transposed = inputGates?.map((_, index) => inputGates[4 * (index % rows) + Math.floor(index / rows)]!);
  scope(() =>
    noGrad(() => {
      controller.embedding.copy_(tensor(one, [rows, rows])); // each choice is a row of its own
      if (transposed) controller.inputWeights.copy_(tensor(transposed, [4, rows]));
      if (hiddenWeights) controller.hiddenWeights.copy_(tensor(hiddenWeights, [4, 1]));
      if (outputWeights) controller.outputWeights.copy_(tensor(outputWeights, [2, 1, 3]));
      if (outputBiases) controller.outputBiases.copy_(tensor(outputBiases, [2, 1, 3]));
    }),
  );
  return controller;
}

test('rows of the embedding are consecutive, after the start row', () => {
  assert.deepEqual(firstRows([2, 3, 13]), [1, 3, 6]);
});

test('two steps of the LSTM agree with a calculation by hand', () => {
  const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
  // Row 0 opens with gates (input 1, forget 2, cell 0.5, output −1); both options of the first decision feed (0, 1,
  // −0.5, 0.25).
  const inputGates = [1, 2, 0.5, -1, 0, 1, -0.5, 0.25, 0, 1, -0.5, 0.25, ...new Array(12).fill(0)];
  const hiddenWeights = [0.5, -1, 2, 3];
  const outputWeights = [4, -4, 99, 5, 0, -5]; // 99 is for an option that the first decision does not have
  const [sample] = sampleArchitectures(tiny({ inputGates, hiddenWeights, outputWeights }), [new RandomStream(1)]);
  const { decisions, logProbs } = sample!;

  const cell1 = sigmoid(1) * Math.tanh(0.5);
  const hidden1 = sigmoid(-1) * Math.tanh(cell1);
  near(logProbs[0]!, Math.log(sigmoid((decisions[0] === 0 ? 8 : -8) * hidden1)));
  const cell2 = sigmoid(1 - hidden1) * cell1 + sigmoid(0.5 * hidden1) * Math.tanh(-0.5 + 2 * hidden1);
  const hidden2 = sigmoid(0.25 + 3 * hidden1) * Math.tanh(cell2);
  const weights = [Math.exp(5 * hidden2), 1, Math.exp(-5 * hidden2)];
  near(logProbs[1]!, Math.log(weights[decisions[1]!]! / (weights[0]! + weights[1]! + weights[2]!)));
});

test('options are sampled with the frequencies of their softmax, the second given the first', () => {
  // The first decision 1/4 to 3/4. After 0 the second is even; after 1 its cell state tips it.
  const outputBiases = [Math.log(1), Math.log(3), 0, 0, 0, 0];
  // option 1 of the first decision opens every gate
  const inputGates = [...new Array(8).fill(0), 9, 0, 9, 9, ...new Array(12).fill(0)];
  const outputWeights = [0, 0, 0, 2, 0, -2];
  const streams = new Array(40_000).fill(new RandomStream(4));
  const counts = new Map<string, number>();
  const probabilities = new Map<string, number>();
  for (const { decisions, logProbs } of sampleArchitectures(
    tiny({ inputGates, outputWeights, outputBiases }),
    streams,
  )) {
    counts.set(decisions.join(), (counts.get(decisions.join()) ?? 0) + 1);
    probabilities.set(decisions.join(), Math.exp(logProbs[0]! + logProbs[1]!));
  }
  near(probabilities.get('0,0')! + probabilities.get('0,1')! + probabilities.get('0,2')!, 1 / 4);
  near(probabilities.get('0,1')!, 1 / 12);
  assert.ok(probabilities.get('1,0')! > 4 * probabilities.get('1,2')!);
  let chiSquare = 0;
  for (const [key, probability] of probabilities) {
    chiSquare += (counts.get(key)! - 40_000 * probability) ** 2 / (40_000 * probability);
  }
  assert.ok(chiSquare < 20.52, `chi-square ${chiSquare} with 5 degrees of freedom`); // 99.9 % quantile
});

test('huge logits neither overflow nor give NaN', () => {
  const controller = tiny({ outputBiases: [1e4, -1e4, 0, -1e4, 1e4, 0] });
  assert.deepEqual(sampleArchitectures(controller, [new RandomStream(1)]), [{ decisions: [0, 1], logProbs: [0, 0] }]);
});

test('a sample does not depend, to the bit, on the other samples', () => {
  const controller = new Controller(decisionSizes(5), { ...paperController, initialRange: 1 }, new RandomStream(1));
  const streams = (seeds: number[]) => seeds.map((seed) => new RandomStream(seed));
  const first = sampleArchitectures(controller, streams([1, 2, 3, 4]));
  const second = sampleArchitectures(controller, streams([5, 2, 6, 7]));
  assert.deepEqual(second[1], first[1]);
  assert.notDeepEqual(second[0], first[0]);
});

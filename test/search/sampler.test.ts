// Drawing from the controller in plain numbers: against a step worked out by hand, and by frequencies.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RandomStream } from '../../src/random/stream.ts';
import { firstRows, type PlainWeights, Sampler } from '../../src/search/sampler.ts';

const near = (actual: number, expected: number, tolerance = 1e-12) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);

/** One hidden unit, two decisions of two and three options, all weights 0 but the given ones. */
const tiny = (given: Partial<PlainWeights>): PlainWeights => ({
  sizes: [2, 3],
  hiddenUnits: 1,
  inputGates: new Float32Array(6 * 4), // [1 + 2 + 3 rows, 4 gates]
  hiddenWeights: new Float32Array(4),
  outputWeights: new Float32Array(2 * 3), // [2 decisions, 1 unit, 3 options]
  outputBiases: new Float32Array(2 * 3),
  ...given,
});

test('rows of the embedding follow each other, after the one that starts', () => {
  assert.deepEqual(firstRows([2, 3, 13]), [1, 3, 6]);
});

test('two steps of the LSTM agree with a calculation by hand', () => {
  const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
  // Row 0 opens with gates (input 1, forget 2, cell 0.5, output −1); both options of the first decision feed (0, 1, −0.5, 0.25).
  const inputGates = [1, 2, 0.5, -1, 0, 1, -0.5, 0.25, 0, 1, -0.5, 0.25, ...new Array(12).fill(0)];
  const hiddenWeights = [0.5, -1, 2, 3];
  const outputWeights = [4, -4, 99, 5, 0, -5]; // 99 belongs to an option that the first decision does not have
  const sampler = new Sampler(tiny({ inputGates, hiddenWeights, outputWeights }));
  const { decisions, logProbs } = sampler.sample(new RandomStream(1));

  const cell1 = sigmoid(1) * Math.tanh(0.5);
  const hidden1 = sigmoid(-1) * Math.tanh(cell1);
  near(logProbs[0]!, Math.log(sigmoid((decisions[0] === 0 ? 8 : -8) * hidden1)));
  const cell2 = sigmoid(1 - hidden1) * cell1 + sigmoid(0.5 * hidden1) * Math.tanh(-0.5 + 2 * hidden1);
  const hidden2 = sigmoid(0.25 + 3 * hidden1) * Math.tanh(cell2);
  const weights = [Math.exp(5 * hidden2), 1, Math.exp(-5 * hidden2)];
  near(logProbs[1]!, Math.log(weights[decisions[1]!]! / (weights[0]! + weights[1]! + weights[2]!)));
});

test('options are drawn as often as their softmax says, the second given the first', () => {
  // The first decision 1/4 to 3/4. After 0 the second is even; after 1 its cell state tips it.
  const outputBiases = [Math.log(1), Math.log(3), 0, 0, 0, 0];
  const inputGates = new Float32Array(24);
  inputGates.set([9, 0, 9, 9], 4 * 2); // row of the first decision's option 1: opens every gate
  const outputWeights = [0, 0, 0, 2, 0, -2];
  const sampler = new Sampler(tiny({ inputGates, outputWeights, outputBiases }));
  const random = new RandomStream(4);
  const counts = new Map<string, number>();
  const probabilities = new Map<string, number>();
  for (let draw = 0; draw < 40_000; draw++) {
    const { decisions, logProbs } = sampler.sample(random);
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
  const sampler = new Sampler(tiny({ outputBiases: [1e4, -1e4, 0, -1e4, 1e4, 0] }));
  assert.deepEqual(sampler.sample(new RandomStream(1)), { decisions: [0, 1], logProbs: [0, 0] });
});

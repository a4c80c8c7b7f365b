// Samples architectures from the controller, one decision after another and many architectures at once, because a step
// of one takes as long as a step of 20.

import { tensor } from '../engine/create.ts';
import { noGrad, scope } from '../engine/memory.ts';
import { operator } from '../engine/operator.ts';
import type { RandomStream } from '../random/stream.ts';
import type { Controller } from './controller.ts';
import { eachStep, Lstm } from './lstm.ts';

/** An architecture, and the logarithm of the probability with which each of its decisions was sampled. */
export interface Sample {
  decisions: number[]; // [D]
  logProbs: number[]; // [D]
}

/**
 * Samples one architecture for each random stream: every decision from its softmax given those before it, with one
 * uniform number per decision. The place and the number of the streams affect a sample only by rounding; the other
 * streams do not affect it.
 */
export function sampleArchitectures(controller: Controller, randoms: readonly RandomStream[]): Sample[] {
  return scope(() => noGrad(() => sampleAll(controller, randoms))).samples;
}

/** Does the same, and returns the mean over the architectures of each decision's softmax. */
export function sampleWithPolicy(
  controller: Controller,
  randoms: readonly RandomStream[],
): { samples: Sample[]; probabilities: number[][] } {
  return scope(() => noGrad(() => sampleAll(controller, randoms)));
}

function sampleAll(controller: Controller, randoms: readonly RandomStream[]) {
  const { sizes, firstRows, hiddenUnits } = controller;
  const count = randoms.length;
  const samples = randoms.map((): Sample => ({ decisions: [], logProbs: [] }));
  const lstm = new Lstm(sizes.length, count, hiddenUnits);
  const gates = controller.inputGates(); // [rows, 4H]
  const hiddenWeights = controller.hiddenWeights.transpose(0, 1).contiguous(); // [H, 4H]
  const outputs = eachStep(controller.outputWeights); // [H, M] of each decision
  const biases = eachStep(controller.outputBiases); // [1, M]
  const previous = new Int32Array(count); // rows of the embedding; row 0 at the start
  const probabilities: number[][] = []; // [decisions][options]
  for (const [decision, size] of sizes.entries()) {
    const hidden = lstm.step(decision, gates.indexSelect(0, tensor(previous)), hiddenWeights); // [samples, H]
    const logits = addmm.tensor(biases[decision]!.narrow(1, 0, size), hidden, outputs[decision]!.narrow(1, 0, size));
    const logProbs = logits.logSoftmax(1).toArray(); // [samples, size]
    probabilities.push(meanProbabilities(logProbs, size));
    for (const [index, sample] of samples.entries()) {
      const options = logProbs.subarray(size * index, size * (index + 1));
      const choice = choose(options, randoms[index]!.uniform());
      sample.decisions.push(choice);
      sample.logProbs.push(options[choice]!);
      previous[index] = firstRows[decision]! + choice;
    }
  }
  return { samples, probabilities };
}

/** @param logProbs [samples, size] */
function meanProbabilities(logProbs: ArrayLike<number>, size: number): number[] {
  const count = logProbs.length / size;
  const means = new Array<number>(size).fill(0);
  for (let index = 0; index < logProbs.length; index++) means[index % size]! += Math.exp(logProbs[index]!) / count;
  return means;
}

/** Returns the option whose part of [0, 1) contains the uniform number. */
function choose(logProbs: ArrayLike<number>, uniform: number): number {
  let cumulative = 0;
  for (let option = 0; option < logProbs.length - 1; option++) {
    cumulative += Math.exp(logProbs[option]!);
    if (uniform < cumulative) return option;
  }
  return logProbs.length - 1;
}

const addmm = operator('aten::addmm');

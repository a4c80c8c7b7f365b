// Draws architectures from the controller, one decision after another, many architectures at once: a step of one alone costs as
// much as a step of 20. What the controller learns, and from what, is not known here.

import { tensor } from '../engine/create.ts';
import { noGrad, scope } from '../engine/memory.ts';
import { operator } from '../engine/operator.ts';
import type { RandomStream } from '../random/stream.ts';
import type { Controller } from './controller.ts';
import { eachStep, Lstm } from './lstm.ts';

/** One architecture, and the logarithm of the probability with which each of its decisions was drawn. */
export interface Sample {
  decisions: number[]; // [D]
  logProbs: number[]; // [D]
}

/**
 * One architecture for each stream: every decision from its softmax given those before it, one uniform number a decision. What a
 * stream gives depends on its place and on how many there are, by rounding only, and on nothing of the others.
 */
export function draw(controller: Controller, randoms: readonly RandomStream[]): Sample[] {
  return scope(() => noGrad(() => drawn(controller, randoms)));
}

function drawn(controller: Controller, randoms: readonly RandomStream[]): Sample[] {
  const { sizes, firstRows, hiddenUnits } = controller;
  const count = randoms.length;
  const samples = randoms.map((): Sample => ({ decisions: [], logProbs: [] }));
  const lstm = new Lstm(sizes.length, count, hiddenUnits);
  const gates = controller.inputGates(); // [rows, 4H]
  const hiddenWeights = controller.hiddenWeights.transpose(0, 1).contiguous(); // [H, 4H]
  const outputs = eachStep(controller.outputWeights); // [H, M] of each decision
  const biases = eachStep(controller.outputBiases); // [1, M]
  const previous = new Int32Array(count); // rows of the embedding; row 0 starts
  for (const [decision, size] of sizes.entries()) {
    const hidden = lstm.step(decision, gates.indexSelect(0, tensor(previous)), hiddenWeights); // [samples, H]
    const logits = addmm.tensor(biases[decision]!.narrow(1, 0, size), hidden, outputs[decision]!.narrow(1, 0, size));
    const logProbs = logits.logSoftmax(1).toArray(); // [samples, size]
    for (const [index, { decisions, logProbs: kept }] of samples.entries()) {
      const own = logProbs.subarray(size * index, size * (index + 1));
      const choice = choose(own, randoms[index]!.uniform());
      decisions.push(choice);
      kept.push(own[choice]!);
      previous[index] = firstRows[decision]! + choice;
    }
  }
  return samples;
}

/** The option in whose share of [0, 1) the uniform number falls. */
function choose(logProbs: ArrayLike<number>, uniform: number): number {
  let passed = 0;
  for (let option = 0; option < logProbs.length - 1; option++) {
    passed += Math.exp(logProbs[option]!);
    if (uniform < passed) return option;
  }
  return logProbs.length - 1;
}

const addmm = operator('aten::addmm');

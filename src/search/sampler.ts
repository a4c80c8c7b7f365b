// Draws architectures from the controller, one decision at a time, in plain numbers: a step multiplies one vector of
// 100, too little work to pay for tensors. What the controller learns, and from what, is not known here.

import type { RandomStream } from '../random/stream.ts';

/** The controller's weights as plain numbers. H hidden units, D decisions, M options of the largest decision. */
export interface PlainWeights {
  sizes: readonly number[]; // [D] options of each decision
  hiddenUnits: number; // H
  inputGates: ArrayLike<number>; // [1 + all options, 4H] what each previous choice adds to the gates, biases included; row 0 starts
  hiddenWeights: ArrayLike<number>; // [4H, H] gates in libtorch's order: input, forget, cell, output
  outputWeights: ArrayLike<number>; // [D, H, M]
  outputBiases: ArrayLike<number>; // [D, M]
}

/** One architecture, and the logarithm of the probability with which each of its decisions was drawn. */
export interface Sample {
  decisions: number[]; // [D]
  logProbs: number[]; // [D]
}

/** Row of the embedding (and of `inputGates`) for each decision's first option; row 0 stands for "nothing decided yet". */
export function firstRows(sizes: readonly number[]): number[] {
  let next = 1;
  return sizes.map((size) => {
    const first = next;
    next += size;
    return first;
  });
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** The one-layer LSTM and its softmaxes at work (appendix A.2 of the paper). */
export class Sampler {
  readonly #sizes: readonly number[];
  readonly #hiddenUnits: number;
  readonly #firstRows: readonly number[];
  readonly #inputGates: Float64Array;
  readonly #hiddenWeights: Float64Array;
  readonly #outputWeights: Float64Array;
  readonly #outputBiases: Float64Array;

  constructor(weights: PlainWeights) {
    this.#sizes = weights.sizes;
    this.#hiddenUnits = weights.hiddenUnits;
    this.#firstRows = firstRows(weights.sizes);
    this.#inputGates = Float64Array.from(weights.inputGates);
    this.#hiddenWeights = Float64Array.from(weights.hiddenWeights);
    this.#outputWeights = Float64Array.from(weights.outputWeights);
    this.#outputBiases = Float64Array.from(weights.outputBiases);
  }

  /** Draws every decision from its softmax given those before it. One uniform number a decision. */
  sample(random: RandomStream): Sample {
    let hidden: Float64Array = new Float64Array(this.#hiddenUnits);
    const cell = new Float64Array(this.#hiddenUnits);
    const decisions: number[] = [];
    const logProbs: number[] = [];
    let previousRow = 0;
    for (const [decision, first] of this.#firstRows.entries()) {
      hidden = this.#step(previousRow, hidden, cell);
      const probabilities = this.#probabilities(decision, hidden);
      const choice = choose(probabilities, random.uniform());
      decisions.push(choice);
      logProbs.push(Math.log(probabilities[choice]!));
      previousRow = first + choice;
    }
    return { decisions, logProbs };
  }

  /** One step of the LSTM: changes `cell` in place and returns the next hidden state. Four sums at once keep the CPU busy. */
  #step(previousRow: number, hidden: Float64Array, cell: Float64Array): Float64Array {
    const units = this.#hiddenUnits;
    const weights = this.#hiddenWeights;
    const gates = this.#inputGates.subarray(4 * units * previousRow, 4 * units * (previousRow + 1));
    const gateStride = units * units;
    const next = new Float64Array(units);
    for (let unit = 0, at = 0; unit < units; unit++) {
      let inputGate = gates[unit]!;
      let forgetGate = gates[units + unit]!;
      let candidate = gates[2 * units + unit]!;
      let outputGate = gates[3 * units + unit]!;
      for (let other = 0; other < units; other++, at++) {
        const value = hidden[other]!;
        inputGate += weights[at]! * value;
        forgetGate += weights[gateStride + at]! * value;
        candidate += weights[2 * gateStride + at]! * value;
        outputGate += weights[3 * gateStride + at]! * value;
      }
      cell[unit] = sigmoid(forgetGate) * cell[unit]! + sigmoid(inputGate) * Math.tanh(candidate);
      next[unit] = sigmoid(outputGate) * Math.tanh(cell[unit]!);
    }
    return next;
  }

  /** The decision's softmax over its own options. */
  #probabilities(decision: number, hidden: Float64Array): Float64Array {
    const size = this.#sizes[decision]!;
    const widest = this.#outputBiases.length / this.#sizes.length; // M
    const logits = this.#outputBiases.slice(widest * decision, widest * decision + size);
    for (let unit = 0; unit < this.#hiddenUnits; unit++) {
      const row = widest * (this.#hiddenUnits * decision + unit);
      for (let option = 0; option < size; option++)
        logits[option]! += hidden[unit]! * this.#outputWeights[row + option]!;
    }
    const largest = Math.max(...logits);
    const weights = logits.map((logit) => Math.exp(logit - largest));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return weights.map((weight) => weight / total);
  }
}

/** The option in whose share of [0, 1) the uniform number falls. */
function choose(probabilities: Float64Array, uniform: number): number {
  let passed = 0;
  for (let option = 0; option < probabilities.length - 1; option++) {
    passed += probabilities[option]!;
    if (uniform < passed) return option;
  }
  return probabilities.length - 1;
}

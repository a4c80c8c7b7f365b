// The controller: a one-layer LSTM that takes 2 × 5B decisions one after another, each by a softmax of its own
// (paper, appendix A.2): its weights. How it draws is in sampler.ts, what it thinks of given architectures in replay.ts, how it
// learns in ppo.ts.

import { tensor } from '../engine/create.ts';
import { operator } from '../engine/operator.ts';
import type { Tensor } from '../engine/tensor.ts';
import { Module } from '../nn/module.ts';
import type { RandomStream } from '../random/stream.ts';

export interface ControllerOptions {
  hiddenUnits: number;
  embeddingSize: number;
  /** Every weight and bias starts uniform in ± this. */
  initialRange: number;
}

/** D decisions of at most M options, H hidden units, E numbers per embedding. float32 on the CPU. */
export class Controller extends Module {
  readonly sizes: readonly number[];
  /** Row of the embedding for each decision's first option; row 0 stands for "nothing decided yet". */
  readonly firstRows: readonly number[];
  readonly hiddenUnits: number;
  readonly embedding: Tensor; // [1 + all options, E]; row 0 stands before the first decision, then every option of every decision
  readonly inputWeights: Tensor; // [4H, E] gates: input, forget, cell, output
  readonly hiddenWeights: Tensor; // [4H, H]
  readonly gateBiases: Tensor; // [4H]
  readonly outputWeights: Tensor; // [D, H, M], columns beyond a decision's size are never used
  readonly outputBiases: Tensor; // [D, 1, M]

  constructor(sizes: readonly number[], options: ControllerOptions, random: RandomStream) {
    super();
    const { hiddenUnits, embeddingSize, initialRange } = options;
    const uniform = (...shape: number[]) => {
      const length = shape.reduce((product, side) => product * side, 1);
      const values = Float32Array.from({ length }, () => initialRange * (2 * random.uniform() - 1));
      return tensor(values, shape);
    };
    const allOptions = sizes.reduce((sum, size) => sum + size, 0);
    this.sizes = sizes;
    this.firstRows = firstRows(sizes);
    this.hiddenUnits = hiddenUnits;
    this.embedding = this.parameter('embedding', uniform(1 + allOptions, embeddingSize));
    this.inputWeights = this.parameter('inputWeights', uniform(4 * hiddenUnits, embeddingSize));
    this.hiddenWeights = this.parameter('hiddenWeights', uniform(4 * hiddenUnits, hiddenUnits));
    this.gateBiases = this.parameter('gateBiases', uniform(4 * hiddenUnits));
    this.outputWeights = this.parameter('outputWeights', uniform(sizes.length, hiddenUnits, Math.max(...sizes)));
    this.outputBiases = this.parameter('outputBiases', uniform(sizes.length, 1, Math.max(...sizes)));
  }

  /** [1 + all options, 4H] what each previous choice adds to the gates, biases included. */
  inputGates(): Tensor {
    return addmm.tensor(this.gateBiases, this.embedding, this.inputWeights.transpose(0, 1));
  }
}

/** Where each decision's options begin, in rows that start after row 0. */
export function firstRows(sizes: readonly number[]): number[] {
  let next = 1;
  return sizes.map((size) => {
    const first = next;
    next += size;
    return first;
  });
}

const addmm = operator('aten::addmm');

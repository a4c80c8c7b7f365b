// The weights of the controller: a one-layer LSTM that takes 2 × 5B decisions one after another, each with its own
// softmax (paper, appendix A.2). sampler.ts samples architectures, replay.ts evaluates given ones, ppo.ts trains the
// controller.

import { tensor } from '../engine/create.ts';
import { operator } from '../engine/operator.ts';
import type { Tensor } from '../engine/tensor.ts';
import { Module } from '../nn/module.ts';
import type { RandomStream } from '../random/stream.ts';

export interface ControllerOptions {
  hiddenUnits: number;
  embeddingSize: number;
  /** Weights and biases are initialised uniformly in [−initialRange, initialRange]. */
  initialRange: number;
}

/**
 * A controller of D decisions with at most M options, H hidden units and embeddings of E numbers. float32 on the CPU.
 */
export class Controller extends Module {
  readonly sizes: readonly number[];
  /** The row of the embedding for each decision's first option; row 0 is the input before the first decision. */
  readonly firstRows: readonly number[];
  readonly hiddenUnits: number;
  readonly embedding: Tensor; // [1 + all options, E]; row 0 is the start, then every option of every decision
  readonly inputWeights: Tensor; // [4H, E] gates: input, forget, cell, output
  readonly hiddenWeights: Tensor; // [4H, H]
  readonly gateBiases: Tensor; // [4H]
  readonly outputWeights: Tensor; // [D, H, M]; columns beyond a decision's size are not used
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

  /** Returns the contribution of each previous choice to the gates, including biases, [1 + all options, 4H]. */
  inputGates(): Tensor {
    return addmm.tensor(this.gateBiases, this.embedding, this.inputWeights.transpose(0, 1));
  }
}

/** Returns the row of each decision's first option; rows start at 1. */
export function firstRows(sizes: readonly number[]): number[] {
  let next = 1;
  return sizes.map((size) => {
    const first = next;
    next += size;
    return first;
  });
}

const addmm = operator('aten::addmm');

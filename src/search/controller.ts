// The controller: a one-layer LSTM that takes 2 × 5B decisions one after another, each by a softmax of its own
// (paper, appendix A.2). How it learns is in ppo.ts; how it draws, one architecture at a time, in sampler.ts.

import { tensor, zeros } from '../engine/create.ts';
import { noGrad, scope } from '../engine/memory.ts';
import { operator } from '../engine/operator.ts';
import { embedding } from '../engine/operators.ts';
import type { Tensor } from '../engine/tensor.ts';
import { Module } from '../nn/module.ts';
import type { RandomStream } from '../random/stream.ts';
import { firstRows, Sampler } from './sampler.ts';

export interface ControllerOptions {
  hiddenUnits: number;
  embeddingSize: number;
  /** Every weight and bias starts uniform in ± this. */
  initialRange: number;
}

/** What the controller thinks of given architectures. */
export interface Evaluation {
  logProbs: Tensor; // [samples, decisions] logarithm of each decision's probability given those before it
  entropies: Tensor; // [samples, decisions] of the softmax that it was drawn from
}

const impossible = -1e9; // added to the logits of options that a decision does not have

/** D decisions of at most M options, H hidden units, E numbers per embedding. float32 on the CPU. */
export class Controller extends Module {
  readonly sizes: readonly number[];
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
    this.hiddenUnits = hiddenUnits;
    this.embedding = this.parameter('embedding', uniform(1 + allOptions, embeddingSize));
    this.inputWeights = this.parameter('inputWeights', uniform(4 * hiddenUnits, embeddingSize));
    this.hiddenWeights = this.parameter('hiddenWeights', uniform(4 * hiddenUnits, hiddenUnits));
    this.gateBiases = this.parameter('gateBiases', uniform(4 * hiddenUnits));
    this.outputWeights = this.parameter('outputWeights', uniform(sizes.length, hiddenUnits, Math.max(...sizes)));
    this.outputBiases = this.parameter('outputBiases', uniform(sizes.length, 1, Math.max(...sizes)));
  }

  /** All decisions of all given architectures at once, each given the decisions that were really taken before it. */
  evaluate(architectures: readonly (readonly number[])[]): Evaluation {
    const count = architectures.length;
    const rows = firstRows(this.sizes);
    const previous = this.sizes.flatMap((_, decision) =>
      architectures.map((taken) => (decision === 0 ? 0 : rows[decision - 1]! + taken[decision - 1]!)),
    );
    const inputs = embedding(tensor(previous, [rows.length, count], { dtype: 'int64' }), this.embedding); // [D, samples, E]
    const hidden = this.#hiddenStates(inputs); // [D, samples, H]
    const logits = baddbmm.tensor(this.outputBiases, hidden, this.outputWeights); // [D, samples, M]
    const all = logits.add(this.#mask()).logSoftmax(2);
    const taken = this.sizes.flatMap((_, decision) => architectures.map((decisions) => decisions[decision]!));
    const logProbs = all.gather(2, tensor(taken, [rows.length, count, 1], { dtype: 'int64' })); // [D, samples, 1]
    return {
      logProbs: logProbs.squeeze(2).transpose(0, 1),
      entropies: all.exp().mul(all).sum(2).neg().transpose(0, 1),
    };
  }

  /** [D, samples, E] → [D, samples, H], from a start of zeros. */
  #hiddenStates(inputs: Tensor): Tensor {
    const start = zeros([1, inputs.shape[1]!, this.hiddenUnits]);
    const noBiases = zeros([4 * this.hiddenUnits]); // libtorch wants two vectors of biases, one too many
    const weights = [this.inputWeights, this.hiddenWeights, this.gateBiases, noBiases];
    const [hidden] = lstm.tensors(inputs, [start, start], weights, true, 1, 0, false, false, false);
    return hidden!;
  }

  /** What draws from the controller as it is now; later changes of the weights do not reach it. */
  sampler(): Sampler {
    return scope(() =>
      noGrad(() => {
        const inputGates = this.embedding.matmul(this.inputWeights.transpose(0, 1)).add(this.gateBiases);
        return new Sampler({
          sizes: this.sizes,
          hiddenUnits: this.hiddenUnits,
          inputGates: inputGates.toArray(),
          hiddenWeights: this.hiddenWeights.toArray(),
          outputWeights: this.outputWeights.toArray(),
          outputBiases: this.outputBiases.toArray(),
        });
      }),
    );
  }

  /** [D, 1, M]: 0 where the decision has the option. */
  #mask(): Tensor {
    const widest = Math.max(...this.sizes);
    const values = this.sizes.flatMap((size) =>
      Array.from({ length: widest }, (_, option) => (option < size ? 0 : impossible)),
    );
    return tensor(Float32Array.from(values), [this.sizes.length, 1, widest]);
  }
}

const lstm = operator('aten::lstm', 'input'); // input, state, weights, has biases, layers, dropout, training, bidirectional, batch first
const baddbmm = operator('aten::baddbmm');

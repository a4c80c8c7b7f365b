// A one-layer LSTM over a fixed number of steps. It reuses its buffers, because steps of 20 samples are so short that
// allocating, recording and freeing would take longer than computing. Its gradient is in lstm-gradient.ts.
//
// With gates i, f, o = σ(a) and g = tanh(a) of a = inputs + h W: c' = f c + i g, h' = o tanh(c').

import { zeros } from '../engine/create.ts';
import { operator } from '../engine/operator.ts';
import type { Tensor } from '../engine/tensor.ts';

/**
 * An LSTM with D steps, S samples and H hidden units. Its tensors belong to the scope that creates it. Records no
 * gradients.
 */
export class Lstm {
  readonly steps: number;
  readonly samples: number;
  readonly units: number;
  readonly gates: Tensor; // [D, S, 4, H] input, forget, cell, output
  readonly squashed: Tensor; // [D, S, H] tanh of the cells after each step
  readonly #sums: Tensor; // [S, 4H] of the current step, before σ and tanh
  readonly #candidateSums: Tensor; // [S, H], a view of #sums
  readonly #hidden: Tensor; // [1 + D, S, H], the first one zeros
  readonly #cells: Tensor; // [1 + D, S, H], the first one zeros
  readonly #views: readonly StepViews[];

  constructor(steps: number, samples: number, units: number) {
    [this.steps, this.samples, this.units] = [steps, samples, units];
    this.#sums = zeros([samples, 4 * units]);
    this.#candidateSums = this.#sums.narrow(1, 2 * units, units);
    this.gates = zeros([steps, samples, 4, units]);
    this.squashed = zeros([steps, samples, units]);
    this.#hidden = zeros([1 + steps, samples, units]);
    this.#cells = zeros([1 + steps, samples, units]);
    const all = eachStep(this.gates.reshape([steps, samples, 4 * units]));
    const [input, forget, candidate, output] = [0, 1, 2, 3].map((gate) => eachStep(this.gates.select(2, gate)));
    const [hidden, cells, squashed] = [this.#hidden, this.#cells, this.squashed].map(eachStep);
    this.#views = all.map((gates, step) => ({
      gates,
      input: input![step]!,
      forget: forget![step]!,
      candidate: candidate![step]!,
      output: output![step]!,
      squashed: squashed![step]!,
      hidden: hidden![step]!,
      cell: cells![step]!,
      nextHidden: hidden![step + 1]!,
      nextCell: cells![step + 1]!,
    }));
  }

  /** The hidden state after each step, [D, S, H]. */
  get hidden(): Tensor {
    return this.#hidden.narrow(0, 1, this.steps);
  }

  /** The hidden state before each step, [D, S, H]. */
  get hiddenBefore(): Tensor {
    return this.#hidden.narrow(0, 0, this.steps);
  }

  /** The cell state before each step, [D, S, H]. */
  get cellsBefore(): Tensor {
    return this.#cells.narrow(0, 0, this.steps);
  }

  /**
   * Runs a step.
   * @param inputs [S, 4H] the contribution of the step's input to the gates, including biases
   * @param weights [H, 4H] of the hidden state
   * @returns [S, H] the hidden state after the step
   */
  step(index: number, inputs: Tensor, weights: Tensor): Tensor {
    const at = this.#views[index]!;
    addmmInto.run(inputs, at.hidden, weights, 1, 1, this.#sums);
    sigmoidInto.run(this.#sums, at.gates);
    tanhInto.run(this.#candidateSums, at.candidate);
    mulInto.run(at.forget, at.cell, at.nextCell);
    addProduct.run(at.nextCell, at.input, at.candidate);
    tanhInto.run(at.nextCell, at.squashed);
    mulInto.run(at.output, at.squashed, at.nextHidden);
    return at.nextHidden;
  }
}

interface StepViews {
  gates: Tensor; // [S, 4H]
  input: Tensor; // this and the following are [S, H]
  forget: Tensor;
  candidate: Tensor;
  output: Tensor;
  squashed: Tensor;
  hidden: Tensor;
  cell: Tensor;
  nextHidden: Tensor;
  nextCell: Tensor;
}

/** Returns the D views [..] of a tensor [D, ..]. */
export const eachStep = (all: Tensor): Tensor[] => unbind.tensors(all, 0);

const unbind = operator('aten::unbind', 'int');
const addmmInto = operator('aten::addmm', 'out');
const mulInto = operator('aten::mul', 'out');
const addProduct = operator('aten::addcmul_');
const sigmoidInto = operator('aten::sigmoid', 'out');
const tanhInto = operator('aten::tanh', 'out');

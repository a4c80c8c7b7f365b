// Computes the gradient of an LSTM's steps by backpropagation through time, in its own buffers. Only the recurrence
// runs step by step: its factors are computed for all steps before it, and the weights' gradient by one product after
// it.

import { zeros } from '../engine/create.ts';
import { operator } from '../engine/operator.ts';
import type { Tensor } from '../engine/tensor.ts';
import { eachStep, type Lstm } from './lstm.ts';

/**
 * The gradient of an LSTM with D steps, S samples and H hidden units. Its tensors belong to the scope that creates it.
 */
export class LstmGradient {
  readonly #lstm: Lstm;
  readonly #factors: Tensor; // [D, S, 4, H] derivatives of c' (three gates) or h' (the output gate) by the gates' sums
  readonly #throughCell: Tensor; // [D, S, H] derivative of h' by c'
  readonly #sums: Tensor; // [D, S, 4, H] gradients by the gates' sums
  readonly #hidden: Tensor; // [S, H] ∂h' of the current step
  readonly #cell: Tensor; // [S, H] ∂c'
  readonly #wideCell: Tensor; // ∂c' as [S, 1, H]
  readonly #nextCell: Tensor; // [S, H] the part of ∂c' from the next step
  readonly #views: readonly StepViews[];

  constructor(lstm: Lstm) {
    const { steps, samples, units } = lstm;
    this.#lstm = lstm;
    this.#factors = zeros([steps, samples, 4, units]);
    this.#throughCell = zeros([steps, samples, units]);
    this.#sums = zeros([steps, samples, 4, units]);
    [this.#hidden, this.#cell, this.#nextCell] = [1, 2, 3].map(() => zeros([samples, units])) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    this.#wideCell = this.#cell.unsqueeze(1);
    const sums = eachStep(this.#sums.reshape([steps, samples, 4 * units]));
    const parts = [this.#sums, this.#factors].map((all) => [all.narrow(2, 0, 3), all.select(2, 3)].map(eachStep));
    const [[cellSums, outputSums], [cellFactors, outputFactors]] = parts as [Tensor[][], Tensor[][]];
    const [forget, throughCell] = [lstm.gates.select(2, 1), this.#throughCell].map(eachStep);
    this.#views = sums.map((all, step) => ({
      sums: all,
      cellSums: cellSums![step]!,
      cellFactors: cellFactors![step]!,
      outputSums: outputSums![step]!,
      outputFactors: outputFactors![step]!,
      forget: forget![step]!,
      throughCell: throughCell![step]!,
    }));
  }

  /**
   * Computes the gradient of the LSTM's last steps.
   * @param gradient [D, S, H] by the hidden state after each step
   * @param weights [4H, H] of the hidden state
   * @returns gradients by the steps' inputs [D · S, 4H] (a buffer that the next call overwrites) and by the weights
   *   [4H, H]
   */
  compute(gradient: Tensor, weights: Tensor): { inputs: Tensor; weights: Tensor } {
    this.#computeFactors();
    this.#nextCell.fill_(0);
    const outer = eachStep(gradient);
    let hidden = outer.at(-1)!; // ∂h', [S, H]
    for (let step = outer.length - 1; step >= 0; step--) {
      const at = this.#views[step]!;
      addcmulInto.run(this.#nextCell, hidden, at.throughCell, 1, this.#cell);
      mulInto.run(at.cellFactors, this.#wideCell, at.cellSums);
      mulInto.run(at.outputFactors, hidden, at.outputSums);
      mulInto.run(this.#cell, at.forget, this.#nextCell);
      if (step > 0) hidden = addmmInto.tensor(outer[step - 1]!, at.sums, weights, 1, 1, this.#hidden);
    }
    const { steps, samples, units, hiddenBefore } = this.#lstm;
    const inputs = this.#sums.reshape([steps * samples, 4 * units]);
    return { inputs, weights: inputs.transpose(0, 1).matmul(hiddenBefore.reshape([steps * samples, units])) };
  }

  #computeFactors(): void {
    const { gates, squashed, cellsBefore } = this.#lstm;
    const [input, forget, candidate, output] = [0, 1, 2, 3].map((gate) => gates.select(2, gate));
    const factor = (gate: number) => this.#factors.select(2, gate);
    sigmoidBackwardInto.run(candidate, input, factor(0)); // g i (1 − i)
    sigmoidBackwardInto.run(cellsBefore, forget, factor(1)); // c f (1 − f)
    tanhBackwardInto.run(input, candidate, factor(2)); // i (1 − g²)
    sigmoidBackwardInto.run(squashed, output, factor(3)); // tanh(c') o (1 − o)
    tanhBackwardInto.run(output, squashed, this.#throughCell); // o (1 − tanh²(c'))
  }
}

interface StepViews {
  sums: Tensor; // [S, 4H]
  cellSums: Tensor; // [S, 3, H] input, forget and cell gate
  cellFactors: Tensor; // [S, 3, H]
  outputSums: Tensor; // this and the following are [S, H]
  outputFactors: Tensor;
  forget: Tensor;
  throughCell: Tensor;
}

const addmmInto = operator('aten::addmm', 'out');
const mulInto = operator('aten::mul', 'out');
const addcmulInto = operator('aten::addcmul', 'out');
const tanhBackwardInto = operator('aten::tanh_backward', 'grad_input');
const sigmoidBackwardInto = operator('aten::sigmoid_backward', 'grad_input');

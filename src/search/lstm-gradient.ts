// The gradient of an LSTM's steps, backwards through time, in buffers of its own. Only the recurrence goes step by step: what
// multiplies it is computed for all steps before, and the weights' gradient by one product after.

import { zeros } from '../engine/create.ts';
import { operator } from '../engine/operator.ts';
import type { Tensor } from '../engine/tensor.ts';
import { eachStep, type Lstm } from './lstm.ts';

/** D steps of S samples, H hidden units, as the LSTM's. Its tensors belong to the scope that it is made in. */
export class LstmGradient {
  readonly #lstm: Lstm;
  readonly #factors: Tensor; // [D, S, 4, H] by which a gate's sum takes part in ∂c' (three of them) or ∂h' (the output gate's)
  readonly #throughCell: Tensor; // [D, S, H] of ∂h' in ∂c'
  readonly #sums: Tensor; // [D, S, 4, H] gradients by the gates' sums
  readonly #hidden: Tensor; // [S, H] ∂h' of the present step
  readonly #cell: Tensor; // [S, H] ∂c'
  readonly #wideCell: Tensor; // the same as [S, 1, H]
  readonly #carried: Tensor; // [S, H] the part of ∂c' that comes from the next step
  readonly #views: readonly StepViews[];

  constructor(lstm: Lstm) {
    const { steps, samples, units } = lstm;
    this.#lstm = lstm;
    this.#factors = zeros([steps, samples, 4, units]);
    this.#throughCell = zeros([steps, samples, units]);
    this.#sums = zeros([steps, samples, 4, units]);
    [this.#hidden, this.#cell, this.#carried] = [1, 2, 3].map(() => zeros([samples, units])) as [
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
   * Of what the LSTM's last steps computed.
   * @param gradient [D, S, H] by the hidden state after each step
   * @param weights [4H, H] of the hidden state
   * @returns gradients by the steps' inputs [D · S, 4H] (a buffer: the next call overwrites it) and by the weights
   */
  compute(gradient: Tensor, weights: Tensor): { inputs: Tensor; weights: Tensor } {
    this.#computeFactors();
    this.#carried.fill_(0);
    const outer = eachStep(gradient);
    let hidden = outer.at(-1)!; // ∂h', [S, H]
    for (let step = outer.length - 1; step >= 0; step--) {
      const at = this.#views[step]!;
      addcmulInto.run(this.#carried, hidden, at.throughCell, 1, this.#cell);
      mulInto.run(at.cellFactors, this.#wideCell, at.cellSums);
      mulInto.run(at.outputFactors, hidden, at.outputSums);
      mulInto.run(this.#cell, at.forget, this.#carried);
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
  outputSums: Tensor; // [S, H] each from here on
  outputFactors: Tensor;
  forget: Tensor;
  throughCell: Tensor;
}

const addmmInto = operator('aten::addmm', 'out');
const mulInto = operator('aten::mul', 'out');
const addcmulInto = operator('aten::addcmul', 'out');
const tanhBackwardInto = operator('aten::tanh_backward', 'grad_input');
const sigmoidBackwardInto = operator('aten::sigmoid_backward', 'grad_input');

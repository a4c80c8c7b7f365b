// Evaluates architectures with the current controller: the log-probabilities and entropies of all their decisions at
// once, each given the actual previous decisions, and the gradient of a loss of these. ppo.ts computes the loss.

import { tensor } from '../engine/create.ts';
import { backward } from '../engine/gradient.ts';
import { noGrad } from '../engine/memory.ts';
import { operator } from '../engine/operator.ts';
import { embedding } from '../engine/operators.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { Controller } from './controller.ts';
import { eachStep, Lstm } from './lstm.ts';
import { LstmGradient } from './lstm-gradient.ts';

/** The controller's probabilities of given architectures. */
export interface Evaluation {
  logProbs: Tensor; // [samples, decisions] logarithm of each decision's probability given those before it
  entropies: Tensor; // [samples, decisions] entropy of the softmax of each decision
}

const impossible = -1e9; // added to the logits of options that a decision does not have

/**
 * Evaluates D decisions of S architectures repeatedly while the controller changes. Its tensors belong to the scope
 * that creates it.
 */
export class Replay {
  readonly #controller: Controller;
  readonly #lstm: Lstm;
  readonly #gradient: LstmGradient;
  readonly #previous: Tensor; // [D · S] rows of the embedding
  readonly #choices: Tensor; // [D, S, 1]
  readonly #mask: Tensor; // [D, 1, M]: 0 where the decision has the option
  #inputs: Tensor | undefined; // [D · S, 4H] of the last evaluation, with gradient history
  #hidden: Tensor | undefined; // [D, S, H]

  constructor(controller: Controller, architectures: readonly (readonly number[])[]) {
    const { sizes, firstRows, hiddenUnits } = controller;
    const [steps, samples] = [sizes.length, architectures.length];
    const previous = sizes.flatMap((_, decision) =>
      architectures.map((choices) => (decision === 0 ? 0 : firstRows[decision - 1]! + choices[decision - 1]!)),
    );
    const choices = sizes.flatMap((_, decision) => architectures.map((decisions) => decisions[decision]!));
    const widest = Math.max(...sizes);
    const mask = sizes.flatMap((size) =>
      Array.from({ length: widest }, (_, option) => (option < size ? 0 : impossible)),
    );
    this.#controller = controller;
    this.#lstm = new Lstm(steps, samples, hiddenUnits);
    this.#gradient = new LstmGradient(this.#lstm);
    this.#previous = tensor(previous, undefined, { dtype: 'int64' });
    this.#choices = tensor(choices, [steps, samples, 1], { dtype: 'int64' });
    this.#mask = tensor(mask, [steps, 1, widest]);
  }

  /** Evaluates the architectures with the current controller. */
  evaluate(): Evaluation {
    const { outputBiases, outputWeights } = this.#controller;
    this.#inputs = embedding(this.#previous, this.#controller.inputGates()); // [D · S, 4H]
    const hidden = noGrad(() => this.#hiddenStates(this.#inputs!.detach()));
    hidden.requiresGrad = true;
    this.#hidden = hidden;
    const logits = baddbmm.tensor(outputBiases, hidden, outputWeights); // [D, S, M]
    const all = logits.add(this.#mask).logSoftmax(2);
    return {
      logProbs: all.gather(2, this.#choices).squeeze(2).transpose(0, 1),
      entropies: all.exp().mul(all).sum(2).neg().transpose(0, 1),
    };
  }

  #hiddenStates(inputs: Tensor): Tensor {
    const { steps, samples } = this.#lstm;
    const weights = this.#controller.hiddenWeights.transpose(0, 1).contiguous(); // [H, 4H]
    const rows = eachStep(inputs.reshape([steps, samples, inputs.shape[1]!]));
    for (const [step, row] of rows.entries()) this.#lstm.step(step, row, weights);
    return this.#lstm.hidden.detach();
  }

  /** Sets the gradients of the controller's parameters for a loss that was computed from the last evaluation. */
  backward(loss: Tensor): void {
    const { hiddenWeights } = this.#controller;
    this.#controller.zeroGrad();
    backward(loss);
    const gradients = noGrad(() => this.#gradient.compute(this.#hidden!.grad!, hiddenWeights.detach()));
    hiddenWeights.grad = gradients.weights;
    backward(this.#inputs!, { gradient: gradients.inputs });
  }
}

const baddbmm = operator('aten::baddbmm');

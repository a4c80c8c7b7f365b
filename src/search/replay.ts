// What the controller, as it learns, thinks of given architectures: all decisions of all of them at once, each given the decisions
// that were really taken before it; and the gradient of that. What is made of it is ppo.ts's affair.

import { tensor } from '../engine/create.ts';
import { backward } from '../engine/gradient.ts';
import { noGrad } from '../engine/memory.ts';
import { operator } from '../engine/operator.ts';
import { embedding } from '../engine/operators.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { Controller } from './controller.ts';
import { eachStep, Lstm } from './lstm.ts';
import { LstmGradient } from './lstm-gradient.ts';

/** What the controller thinks of given architectures. */
export interface Evaluation {
  logProbs: Tensor; // [samples, decisions] logarithm of each decision's probability given those before it
  entropies: Tensor; // [samples, decisions] of the softmax that it was drawn from
}

const impossible = -1e9; // added to the logits of options that a decision does not have

/** D decisions of S architectures, as often as the controller changes. Its tensors belong to the scope that it is made in. */
export class Replay {
  readonly #controller: Controller;
  readonly #lstm: Lstm;
  readonly #gradient: LstmGradient;
  readonly #previous: Tensor; // [D · S] rows of the embedding
  readonly #taken: Tensor; // [D, S, 1]
  readonly #mask: Tensor; // [D, 1, M]: 0 where the decision has the option
  #inputs: Tensor | undefined; // [D · S, 4H] of the last evaluation, recorded
  #hidden: Tensor | undefined; // [D, S, H]

  constructor(controller: Controller, architectures: readonly (readonly number[])[]) {
    const { sizes, firstRows, hiddenUnits } = controller;
    const [steps, samples] = [sizes.length, architectures.length];
    const previous = sizes.flatMap((_, decision) =>
      architectures.map((taken) => (decision === 0 ? 0 : firstRows[decision - 1]! + taken[decision - 1]!)),
    );
    const taken = sizes.flatMap((_, decision) => architectures.map((decisions) => decisions[decision]!));
    const widest = Math.max(...sizes);
    const mask = sizes.flatMap((size) =>
      Array.from({ length: widest }, (_, option) => (option < size ? 0 : impossible)),
    );
    this.#controller = controller;
    this.#lstm = new Lstm(steps, samples, hiddenUnits);
    this.#gradient = new LstmGradient(this.#lstm);
    this.#previous = tensor(previous, undefined, { dtype: 'int64' });
    this.#taken = tensor(taken, [steps, samples, 1], { dtype: 'int64' });
    this.#mask = tensor(mask, [steps, 1, widest]);
  }

  /** Of the controller as it is now. */
  evaluate(): Evaluation {
    const { outputBiases, outputWeights } = this.#controller;
    this.#inputs = embedding(this.#previous, this.#controller.inputGates()); // [D · S, 4H]
    const hidden = noGrad(() => this.#hiddenStates(this.#inputs!.detach()));
    hidden.requiresGrad = true;
    this.#hidden = hidden;
    const logits = baddbmm.tensor(outputBiases, hidden, outputWeights); // [D, S, M]
    const all = logits.add(this.#mask).logSoftmax(2);
    return {
      logProbs: all.gather(2, this.#taken).squeeze(2).transpose(0, 1),
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

  /** Leaves in the controller's parameters the gradients of what was made of the last evaluation, one number. */
  backward(loss: Tensor): void {
    const { hiddenWeights } = this.#controller;
    this.#controller.zeroGrad();
    backward(loss);
    const found = noGrad(() => this.#gradient.compute(this.#hidden!.grad!, hiddenWeights.detach()));
    hiddenWeights.grad = found.weights;
    backward(this.#inputs!, { gradient: found.inputs });
  }
}

const baddbmm = operator('aten::baddbmm');

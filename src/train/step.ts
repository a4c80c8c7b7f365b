// One step of a training: forward, losses, backward, clipping, optimizer, and the sums that are told of it. Everything that changes
// from step to step comes in, as numbers of the host or as tensors of the device; nothing here waits for the device, so that the
// same code runs by itself (host-steps.ts) and captured (device-steps.ts).

import type { Batch } from '../data/batches.ts';
import { tensor, zeros } from '../engine/create.ts';
import { backward, clearGradients } from '../engine/gradient.ts';
import { keep, noGrad, scope } from '../engine/memory.ts';
import { crossEntropy } from '../engine/operators.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { Network } from '../model/network.ts';
import { clipByGlobalNorm, type Optimizer } from '../nn/optimizers.ts';
import type { Recipe } from './recipe.ts';

/** What is trained, and how. */
export interface Trainee {
  network: Network;
  parameters: Tensor[];
  optimizer: Optimizer;
  recipe: Recipe;
  sums: StepSums;
}

/** What a step's number decides. */
export interface StepPlan {
  epoch: number;
  /** Of the batch in its epoch. */
  index: number;
  progress: number;
  learningRate: number;
  /** Of the engine's generators. */
  seed: number;
}

/** What a step is given: numbers, or tensors [] in their place. */
export interface StepInputs extends Batch {
  /** Share of the training that is done; float64. */
  progress: number | Tensor;
  learningRate: number | Tensor;
}

/** Stands in a scope of the caller. @returns the loss without L2, [], and the gradients' norm before clipping, [] */
export function trainingStep(
  { network, parameters, optimizer, recipe, sums }: Trainee,
  inputs: StepInputs,
): { loss: Tensor; norm: Tensor } {
  const { images, labels, progress, learningRate } = inputs; // [batch, 3, height, width], [batch]
  const { logits, auxiliaryLogits } = network.forward(images, { progress });
  const loss = crossEntropy(logits, labels);
  const auxiliaryLoss = auxiliaryLogits && crossEntropy(auxiliaryLogits, labels).mul(recipe.auxiliaryWeight);
  clearGradients(parameters);
  backward(auxiliaryLoss ? loss.add(auxiliaryLoss) : loss);
  const norm = clipByGlobalNorm(parameters, recipe.clipNorm);
  optimizer.step(learningRate);
  sums.add(loss, logits, labels);
  return { loss, norm };
}

/** Losses, right answers, and steps after which the losses' sum was finite. */
export interface StepSumsRead {
  loss: number;
  correct: number;
  finite: number;
}

/** Sums over the steps since they were cleared, on the device: reading them waits for it. */
export class StepSums {
  readonly #sums: Tensor; // float64 [3], in the order of StepSumsRead

  constructor(device: string) {
    this.#sums = keep(zeros([3], { dtype: 'float64', device }));
  }

  add(loss: Tensor, logits: Tensor, labels: Tensor): void {
    noGrad(() => {
      const losses = this.#sums.select(0, 0).add_(loss);
      this.#sums.select(0, 1).add_(logits.argmax(1).eq(labels).sum());
      this.#sums.select(0, 2).add_(losses.isFinite());
    });
  }

  read(): StepSumsRead {
    const [loss, correct, finite] = this.#sums.toArray();
    return { loss: loss!, correct: correct!, finite: finite! };
  }

  clear(): void {
    this.#sums.zero_();
  }

  /** What was read before, to the bit. */
  set({ loss, correct, finite }: StepSumsRead): void {
    scope(() => this.#sums.copy_(tensor(Float64Array.of(loss, correct, finite), [3])));
  }

  [Symbol.dispose](): void {
    this.#sums.dispose();
  }
}

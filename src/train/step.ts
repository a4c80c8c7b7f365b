// One training step: forward, losses, backward, clipping, optimizer, and sums for the figures. Its inputs are numbers
// of the host or tensors of the device, and it never waits for the device, so that the same code runs directly
// (host-steps.ts) and captured (device-steps.ts).

import type { Batch } from '../data/batches.ts';
import { zeros } from '../engine/create.ts';
import { backward, clearGradients } from '../engine/gradient.ts';
import { keep, noGrad } from '../engine/memory.ts';
import { crossEntropy } from '../engine/operators.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { Network } from '../model/network.ts';
import { clipByGlobalNorm, type Optimizer } from '../nn/optimizers.ts';
import type { Recipe } from './recipe.ts';

/** The network, its optimizer and the recipe. */
export interface Trainee {
  network: Network;
  parameters: Tensor[];
  optimizer: Optimizer;
  recipe: Recipe;
  sums: StepSums;
}

/** The values that depend on a step's number. */
export interface StepPlan {
  epoch: number;
  /** Index of the batch in its epoch. */
  index: number;
  progress: number;
  learningRate: number;
  /** Seed of the engine's generators. */
  seed: number;
}

/** The inputs of a step: numbers, or tensors [] instead. */
export interface StepInputs extends Batch {
  /** Progress of the training, 0 to 1; float64. */
  progress: number | Tensor;
  learningRate: number | Tensor;
}

/**
 * Runs a step; the caller provides the scope. @returns the loss without L2, [], and the gradients' norm before
 * clipping, []
 */
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

/** Sums over the steps since the last clearing. They are on the device; reading them waits for it. */
export class StepSums {
  readonly #sums: Tensor; // float64 [3]: losses, correct predictions, steps after which the sum of the losses was finite

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

  read(): { loss: number; correct: number; finite: number } {
    const [loss, correct, finite] = this.#sums.toArray();
    return { loss: loss!, correct: correct!, finite: finite! };
  }

  clear(): void {
    this.#sums.zero_();
  }

  [Symbol.dispose](): void {
    this.#sums.dispose();
  }
}

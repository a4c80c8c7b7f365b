// One training step: forward, losses, backward, clipping, optimizer, and sums for the figures. Its inputs are numbers
// of the host or tensors of the device, and it never waits for the device, so that the same code runs directly
// (host-steps.ts) and captured (device-steps.ts).

import type { Batch } from '../data/step-batches.ts';
import { tensor, zeros } from '../engine/create.ts';
import { backward, clearGradients } from '../engine/gradient.ts';
import { keep, noGrad, scope } from '../engine/memory.ts';
import { crossEntropies, crossEntropy } from '../engine/operators.ts';
import type { Tensor } from '../engine/tensor.ts';
import { clipByGlobalNorm, type Optimizer } from '../nn/optimizers.ts';
import type { WeightAverage } from '../nn/weight-average.ts';
import type { Recipe } from './recipe.ts';
import type { Trainable } from './trainable.ts';

/** The network, its optimizer and the recipe. */
export interface Trainee {
  network: Trainable;
  parameters: Tensor[];
  optimizer: Optimizer;
  recipe: Recipe;
  sums: StepSums;
  average?: WeightAverage | undefined;
  /** The weight of each class in the loss, float32 [classes]; absent: every image counts the same. */
  classWeights?: Tensor | undefined;
}

/** The values that depend on a step's number. */
export interface StepPlan {
  epoch: number;
  /** Index of the batch in its epoch. */
  index: number;
  progress: number;
  learningRate: number;
  /** Share of the new weights in the moving average; 0 without an average. */
  averageShare: number;
  /** Seed of the engine's generators. */
  seed: number;
  /** Side of the images in pixels if they are smaller than stored. */
  side?: number | undefined;
  /** Whether only the heads are trained. */
  frozen?: boolean;
}

/** The inputs of a step: numbers, or tensors [] instead. */
export interface StepInputs extends Batch {
  /** Progress of the training, 0 to 1; float64. */
  progress: number | Tensor;
  learningRate: number | Tensor;
  averageShare: number | Tensor;
}

/**
 * Runs a step; the caller provides the scope. @returns the loss without L2, [], and the gradients' norm before
 * clipping, []
 */
export function trainingStep(
  trainee: Trainee,
  { progress, learningRate, averageShare, ...batch }: StepInputs,
): { loss: Tensor; norm: Tensor } {
  const { parameters, optimizer, recipe, sums, average } = trainee;
  clearGradients(parameters);
  const parts = partsOf(batch, recipe.accumulate).map((part) => addGradients(trainee, part, progress));
  const norm = clipByGlobalNorm(parameters, recipe.clipNorm);
  optimizer.step(learningRate);
  average?.add(averageShare);
  const loss = parts.map((part) => part.loss).reduce((sum, each) => sum.add(each));
  sums.add(
    loss,
    parts.map(({ right }) => right),
  );
  return { loss, norm };
}

/** Some of a step's images [count, 3, height, width]. */
interface Part extends Batch {
  /** Share of the step's images, 0 to 1. */
  share: number;
}

/** Divides a step's images into `count` parts of about equal size. */
function partsOf({ images, labels }: Batch, count = 1): Part[] {
  if (count === 1) return [{ images, labels, share: 1 }];
  const total = images.shape[0]!;
  const place = (part: number) => Math.round((part * total) / count);
  return Array.from({ length: count }, (_, part) => [place(part), place(part + 1) - place(part)] as const)
    .filter(([, length]) => length > 0)
    .map(([first, length]) => ({
      images: images.narrow(0, first, length),
      labels: labels.narrow(0, first, length),
      share: length / total,
    }));
}

/** The result of a part: its mean loss without L2 times its share, [], and its number of correct predictions, []. */
interface PartResult {
  loss: Tensor;
  right: Tensor;
}

/** Adds the gradients of a part to those of the parameters. */
function addGradients(
  { network, recipe, classWeights }: Pick<Trainee, 'network' | 'recipe' | 'classWeights'>,
  { images, labels, share }: Part,
  progress: number | Tensor,
): PartResult {
  return scope(() => {
    const { labelSmoothing } = recipe;
    const lossOf = (logits: Tensor) =>
      classWeights
        ? crossEntropies(logits, labels, labelSmoothing).mul(classWeights.indexSelect(0, labels)).mean()
        : crossEntropy(logits, labels, labelSmoothing);
    const { logits, auxiliaryLogits } = network.forward(images, { progress });
    const loss = weighed(lossOf(logits), share);
    const auxiliaryLoss = auxiliaryLogits && weighed(lossOf(auxiliaryLogits).mul(recipe.auxiliaryWeight), share);
    backward(auxiliaryLoss ? loss.add(auxiliaryLoss) : loss);
    return { loss: loss.detach(), right: noGrad(() => logits.argmax(1).eq(labels).sum()) };
  });
}

const weighed = (loss: Tensor, share: number) => (share === 1 ? loss : loss.mul(share));

/** Sums of losses, of correct predictions, and of steps after which the sum of losses was finite. */
export interface StepSumsRead {
  loss: number;
  correct: number;
  finite: number;
}

/** Sums over the steps since the last clearing. They are on the device; reading them waits for it. */
export class StepSums {
  readonly #sums: Tensor; // float64 [3], in the order of StepSumsRead

  constructor(device: string) {
    this.#sums = keep(zeros([3], { dtype: 'float64', device }));
  }

  /**
   * Adds a step.
   * @param loss its loss, []
   * @param rights the numbers of correct predictions of its parts, [] each
   */
  add(loss: Tensor, rights: readonly Tensor[]): void {
    noGrad(() => {
      const losses = this.#sums.select(0, 0).add_(loss);
      for (const right of rights) this.#sums.select(0, 1).add_(right);
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

  /** Restores sums that were read, exactly. */
  set({ loss, correct, finite }: StepSumsRead): void {
    scope(() => this.#sums.copy_(tensor(Float64Array.of(loss, correct, finite), [3])));
  }

  [Symbol.dispose](): void {
    this.#sums.dispose();
  }
}

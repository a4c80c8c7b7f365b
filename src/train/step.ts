// One training step: forward, losses, backward, clipping, optimizer, and sums for the figures. Its inputs are numbers
// of the host or tensors of the device, and it never waits for the device, so that the same code runs directly
// (host-steps.ts) and captured (device-steps.ts).

import { partRange } from '../data/batch-part.ts';
import type { Batch } from '../data/step-batches.ts';
import { tensor, zeros } from '../engine/create.ts';
import { backward, clearGradients } from '../engine/gradient.ts';
import { keep, noGrad, scope } from '../engine/memory.ts';
import { operator } from '../engine/operator.ts';
import { crossEntropies, crossEntropy } from '../engine/operators.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { TensorList } from '../engine/tensor-list.ts';
import { clipByGlobalNorm, type Optimizer } from '../nn/optimizers.ts';
import type { WeightAverage } from '../nn/weight-average.ts';
import type { GradientReduction } from './gradient-reduction.ts';
import type { Recipe } from './recipe.ts';
import { plain, type StepPrograms } from './step-programs.ts';
import type { Trainable } from './trainable.ts';

/** The network, its optimizer and the recipe. */
export interface Trainee {
  network: Trainable;
  parameters: readonly Tensor[] | TensorList;
  optimizer: Optimizer;
  recipe: Recipe;
  sums: StepSums;
  average?: WeightAverage | undefined;
  /** The weight of each class in the loss, float32 [classes]; absent: every image counts the same. */
  classWeights?: Tensor | undefined;
  /** Runs parts of steps as programs, to the same bits. */
  programs?: StepPrograms | undefined;
  /** Sums gradients over replicas. Each has a part of the step's images. */
  reduction?: StepReduction | undefined;
}

/** The reduction of a step's gradients, loss and number of correct predictions. */
export interface StepReduction {
  gradients: GradientReduction;
  /** Images of the whole batch. */
  images: number;
}

/** Number of figures that a step exchanges. */
export const stepFigures = 2;

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
export function trainingStep(trainee: Trainee, inputs: StepInputs): { loss: Tensor; norm: Tensor } {
  const { reduction } = trainee;
  if (!reduction) return updateStep(trainee, inputs, gradientStep(trainee, inputs));
  sendStep(trainee, inputs);
  reduction.gradients.exchange();
  return receiveStep(trainee, inputs);
}

/** Computes the gradients of this replica's images, ready for the exchange. */
export function sendStep(trainee: Trainee, inputs: Omit<StepInputs, 'learningRate' | 'averageShare'>): void {
  const { loss, rights } = gradientStep(trainee, inputs);
  trainee.reduction!.gradients.fill([loss, rights.reduce((sum, each) => sum.add(each))]);
}

/** Updates the weights after the exchange. */
export function receiveStep(trainee: Trainee, inputs: Pick<StepInputs, 'learningRate' | 'averageShare'>) {
  const [loss, right] = trainee.reduction!.gradients.take();
  return updateStep(trainee, inputs, { loss: loss!, rights: [right!] });
}

/** The loss without L2 of a step, [], and the numbers of correct predictions of its parts, [] each. */
interface StepResult {
  loss: Tensor;
  rights: Tensor[];
}

function gradientStep(
  trainee: Trainee,
  { progress, ...batch }: Omit<StepInputs, 'learningRate' | 'averageShare'>,
): StepResult {
  const { parameters, recipe, reduction } = trainee;
  clearGradients(parameters);
  const count = Math.ceil((recipe.accumulate ?? 1) / (reduction?.gradients.replicas.count ?? 1));
  const parts = partsOf(batch, count, reduction?.images).map((part) => addGradients(trainee, part, progress));
  const loss = parts.map((part) => part.loss).reduce((sum, each) => sum.add(each));
  return { loss, rights: parts.map(({ right }) => right) };
}

function updateStep(
  { parameters, optimizer, recipe, sums, average }: Trainee,
  { learningRate, averageShare }: Pick<StepInputs, 'learningRate' | 'averageShare'>,
  { loss, rights }: StepResult,
): { loss: Tensor; norm: Tensor } {
  const norm = clipByGlobalNorm(parameters, recipe.clipNorm);
  optimizer.step(learningRate);
  average?.add(averageShare);
  sums.add(loss, rights);
  return { loss, norm };
}

/** Some of a step's images [count, 3, height, width]. */
interface Part extends Batch {
  /** Share of the step's images, 0 to 1. */
  share: number;
}

/** Divides images into `count` parts of about equal size. @param total number of the step's images, of all replicas */
function partsOf(batch: Batch, count: number, total = batch.images.shape[0]!): Part[] {
  const { images, labels, mixed } = batch;
  const own = images.shape[0]!;
  if (count === 1) return [{ ...batch, share: own / total }];
  return Array.from({ length: count }, (_, index) => partRange({ index, count }, own))
    .filter(({ length }) => length > 0)
    .map(({ first, length }) => ({
      images: images.narrow(0, first, length),
      labels: labels.narrow(0, first, length),
      ...(mixed && {
        mixed: {
          partners: mixed.partners.narrow(0, first, length),
          weights: mixed.weights.narrow(0, first, length),
        },
      }),
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
  { network, recipe, classWeights, programs }: Pick<Trainee, 'network' | 'recipe' | 'classWeights' | 'programs'>,
  { images, labels, mixed, share }: Part,
  progress: number | Tensor,
): PartResult {
  return scope(() => {
    const lossOf = (logits: Tensor) => meanLoss(logits, { labels, mixed }, recipe.labelSmoothing, classWeights);
    const forward = () => {
      // What backward needs lives in its graph; the rest is freed now, and its memory serves the gradients.
      const { logits, auxiliaryLogits } = scope(() => network.forward(images, { progress }));
      const loss = weighed(lossOf(logits), share);
      const auxiliaryLoss = auxiliaryLogits && weighed(lossOf(auxiliaryLogits).mul(recipe.auxiliaryWeight), share);
      return { logits, loss, total: auxiliaryLoss ? loss.add(auxiliaryLoss) : loss };
    };
    const inputs = [images, labels, ...(mixed ? [mixed.partners, mixed.weights] : [])];
    const { loss, logits } = programs ? programs.run(inputs, share, forward, backward) : plain(forward, backward);
    return { loss: loss.detach(), right: noGrad(() => countCorrect.tensor(logits, labels)) };
  });
}

/** Returns the mean loss of images, []. Of mixed ones it is that of both labels by their shares. */
function meanLoss(
  logits: Tensor,
  { labels, mixed }: Pick<Batch, 'labels'> & { mixed: Batch['mixed'] | undefined },
  smoothing: number | undefined,
  classWeights: Tensor | undefined,
): Tensor {
  if (!classWeights && !mixed) return crossEntropy(logits, labels, smoothing);
  const lossesOf = (own: Tensor) => {
    const losses = crossEntropies(logits, own, smoothing); // [images]
    return classWeights ? losses.mul(classWeights.indexSelect(0, own)) : losses;
  };
  if (!mixed) return lossesOf(labels).mean();
  const { partners, weights } = mixed;
  const others = lossesOf(partners);
  return others.add(lossesOf(labels).sub(others).mul(weights)).mean();
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
    noGrad(() => addFigures.run(this.#sums, loss, rights));
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

const countCorrect = operator('nasnet::count_correct');
const addFigures = operator('nasnet::add_figures');

// One training step of a detector: losses of its pictures, all at once or in parts, their gradients, which replicas
// sum, and the update.

import { backward, clearGradients } from '../engine/gradient.ts';
import { scope } from '../engine/memory.ts';
import type { Tensor } from '../engine/tensor.ts';
import { clipByGlobalNorm, type Optimizer } from '../nn/optimizers.ts';
import type { RandomStream } from '../random/stream.ts';
import type { GradientReduction } from '../train/gradient-reduction.ts';
import type { DetectionRecipe } from './detection-recipe.ts';
import type { Detector } from './detector.ts';
import { lossNames } from './losses.ts';
import { pictureBatch } from './pictures.ts';
import { partsOfPictures, type StepPictures } from './training-pictures.ts';

/** A detector in training. */
export interface DetectorTrainee {
  detector: Detector;
  parameters: Tensor[];
  optimizer: Optimizer;
  recipe: Pick<DetectionRecipe, 'accumulate' | 'clipNorm'>;
  /** Sums gradients and losses over replicas, each of which has a part of the pictures. */
  gradients?: GradientReduction | undefined;
}

export interface DetectorStepPlan {
  learningRate: number;
  /** Progress of the training, 0 to 1. */
  progress: number;
  /** Chooses the anchors and proposals that learn. */
  random: RandomStream;
}

/**
 * Runs a step; without an update if a loss is not finite. It frees its tensors.
 * @returns the losses in the order of lossNames, means over the pictures of the step
 */
export function detectorStep(trainee: DetectorTrainee, pictures: StepPictures, plan: DetectorStepPlan): number[] {
  const { detector, parameters, optimizer, recipe, gradients } = trainee;
  detector.train(true);
  return scope(() => {
    clearGradients(parameters);
    const parts = partsOfPictures(pictures, Math.ceil((recipe.accumulate ?? 1) / (gradients?.replicas.count ?? 1)));
    const own = parts
      .map((part) => addGradients(detector, part, plan))
      .reduce((sums, losses) => sums.map((sum, index) => sum.add(losses[index]!)));
    const losses = gradients ? summed(gradients, own) : own;
    const values = losses.map((loss) => loss.item());
    if (!values.every(Number.isFinite)) return values;
    clipByGlobalNorm(parameters, recipe.clipNorm);
    optimizer.step(plan.learningRate);
    return values;
  });
}

/** Adds the gradients of some pictures to those of the parameters. @returns their losses times their share, [] each */
function addGradients(
  detector: Detector,
  { pixels, truths, first, share }: StepPictures,
  { random, progress }: DetectorStepPlan,
): Tensor[] {
  return scope(() => {
    const images = pictureBatch(pixels, detector.plan.settings.input, detector.device);
    const losses = detector.losses(images, truths, random, progress, first);
    const all = lossNames.map((name) => (share === 1 ? losses[name] : losses[name].mul(share)));
    backward(all.reduce((sum, each) => sum.add(each)));
    return all.map((loss) => loss.detach());
  });
}

function summed(gradients: GradientReduction, losses: readonly Tensor[]): Tensor[] {
  gradients.fill(losses);
  gradients.exchange();
  return gradients.take();
}

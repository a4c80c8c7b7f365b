// Cost laws of trainings and inference: terms that are computed from the plan, times coefficients of a machine. This
// file has default coefficients; prediction.ts corrects them by measurements.

import { evaluationBatch } from '../plan/evaluation-batch.ts';
import type { Plan } from '../plan/plan.ts';
import { peakEvaluationElements, planWork, type Work, weightCount } from '../plan/plan-work.ts';
import type { Coefficients } from '../statistics/robust-fit.ts';

export function lawValue(coefficients: Coefficients, terms: readonly number[]): number {
  return terms.reduce((sum, term, index) => sum + term * coefficients[index]!, 0);
}

/** The amount of a training. */
export interface TrainingAmount {
  steps: number;
  /** Images per step. */
  batch: number;
  /** Images that are evaluated after the training. */
  evaluated: number;
}

const forwardShare = 1 / 3; // backward has two products for one of forward

/** Returns the terms of a training's seconds: work of all images, operator calls of all steps, and a constant. */
export function trainingTerms(plan: Plan, { steps, batch, evaluated }: TrainingAmount): number[] {
  const calls = steps + forwardShare * Math.ceil(evaluated / evaluationBatch);
  return [...workTerms(planWork(plan), steps * batch + forwardShare * evaluated, calls), 1];
}

/** Returns the terms of the steps' seconds, without the constant. */
export function stepTerms(plan: Plan, { steps, batch }: Omit<TrainingAmount, 'evaluated'>): number[] {
  return [...trainingTerms(plan, { steps, batch, evaluated: 0 }).slice(0, -1), 0];
}

/** Returns the terms of the milliseconds of a forward pass of `batch` images in evaluation. */
export function latencyTerms(plan: Plan, batch = 1): number[] {
  return [...workTerms(planWork(plan), batch, 1), 1];
}

function workTerms({ dense, windowed, results, operators }: Work, images: number, calls: number): number[] {
  return [dense * images, windowed * images, results * images, operators * calls];
}

/**
 * Returns the terms of a worker's peak memory in bytes: the process, the activations that a step of `batch` images
 * stores for gradients (or of an evaluation of `evaluated` images together, if that is more), and the weights.
 */
export function memoryTerms(plan: Plan, batch: number, evaluated = evaluationBatch): number[] {
  const activations = Math.max(batch * planWork(plan).results, evaluated * peakEvaluationElements(plan));
  return [1, bytesPerNumber * activations, bytesPerNumber * weightCount(plan)];
}

const bytesPerNumber = 4; // float32

/**
 * The default coefficients, made by bench/cost-laws.ts on two cores of an AMD EPYC (Zen 4, AVX-512, libtorch 1.13):
 * 60 trainings and 60 inferences of random cells, of N, F, pixels = 0, 4, 8 to 2, 32, 32 and 6, 32, 32. The median
 * error is 5% and 4%, 90% of the networks are within 16% and 8%.
 */
export const startingLaws = {
  /**
   * Seconds on one thread per multiply-add, per multiply-add with a window, per number written, per operator call, and
   * per training.
   */
  seconds: [6.4e-11, 1.4e-11, 1.75e-9, 4.7e-5, 0.02],
  /**
   * Bytes of the process with libtorch and mapped images; per byte of activations (1.7 in a new process, the rest is
   * heap growth of earlier children); per byte of weights (gradient, momentum, update).
   */
  memory: [3.6e8, 1.9, 4],
  /** Milliseconds on one thread; terms as for a training. */
  latency: [1.9e-8, 2.9e-8, 4.2e-8, 1.6e-4, 7.4e-4],
} as const satisfies Record<string, Coefficients>;

/**
 * Heap growth of a worker in bytes beyond the law's prediction, before garbage collection: the maximum over 350 tiny
 * children of two workers.
 */
export const leftBehind = 1.5e8;

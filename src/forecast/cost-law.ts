// What a training or an inference costs as a law: a few terms that follow from the plan, each times a coefficient that belongs to a
// machine. The coefficients here are where a prediction starts; prediction.ts corrects them by what really happened.

import type { Plan } from '../plan/plan.ts';
import { peakEvaluationElements, planWork, type Work, weightCount } from '../plan/plan-work.ts';
import type { Coefficients } from '../statistics/robust-fit.ts';

export function lawValue(coefficients: Coefficients, terms: readonly number[]): number {
  return terms.reduce((sum, term, index) => sum + term * coefficients[index]!, 0);
}

/** How much of a training there is. */
export interface TrainingAmount {
  steps: number;
  /** Images a step. */
  batch: number;
  /** Images that are classified after it, without training. */
  evaluated: number;
}

const forwardShare = 1 / 3; // backward computes two products where forward computes one
const evaluationBatch = 64; // train/evaluation.ts's

/** Terms of the seconds of a training: work of all images, operators called in all steps, and the training itself. */
export function trainingTerms(plan: Plan, { steps, batch, evaluated }: TrainingAmount): number[] {
  const calls = steps + forwardShare * Math.ceil(evaluated / evaluationBatch);
  return [...workTerms(planWork(plan), steps * batch + forwardShare * evaluated, calls), 1];
}

/** Terms of the seconds of steps alone, without what a training takes once. */
export function stepTerms(plan: Plan, { steps, batch }: Omit<TrainingAmount, 'evaluated'>): number[] {
  return [...trainingTerms(plan, { steps, batch, evaluated: 0 }).slice(0, -1), 0];
}

/** Terms of the milliseconds of a forward pass of `batch` images in evaluation. */
export function latencyTerms(plan: Plan, batch = 1): number[] {
  return [...workTerms(planWork(plan), batch, 1), 1];
}

function workTerms({ dense, windowed, results, operators }: Work, images: number, calls: number): number[] {
  return [dense * images, windowed * images, results * images, operators * calls];
}

/**
 * Terms of the bytes that a worker holds at most: itself, what a step of `batch` images keeps for its gradients (or an evaluation
 * holds, if that is more), and the weights.
 */
export function memoryTerms(plan: Plan, batch: number): number[] {
  const kept = Math.max(batch * planWork(plan).results, evaluationBatch * peakEvaluationElements(plan));
  return [1, bytesPerNumber * kept, bytesPerNumber * weightCount(plan)];
}

const bytesPerNumber = 4; // float32

/**
 * Where predictions start: measured one thread at a time on a virtual machine of 2 cores (AMD EPYC, libtorch 1.13), with random cells
 * of N, F, pixels = 0, 4, 8; 1, 8, 16; 2, 16, 16 and 2, 32, 32. They foretell the processor time of half of those 76 trainings within
 * 5% (docs/paper.md).
 */
export const startingLaws = {
  /** Seconds on one thread: of a multiply-add, of one with a window, of a number written, of an operator called, of the training. */
  seconds: [6.9e-11, 9.3e-11, 1.77e-9, 1.13e-4, 0.02],
  /**
   * Bytes: of the process with libtorch and the images it has mapped; of a kept byte, 1.7 in a fresh process and the rest for what
   * earlier children left in its heap; of a byte of weights (gradient, momentum, step).
   */
  memory: [3.6e8, 1.9, 4],
  /** Milliseconds on one thread, terms as those of a training. */
  latency: [4e-8, 1.8e-8, 8e-7, 9e-3, 0.05],
} as const satisfies Record<string, Coefficients>;

/**
 * Bytes that a worker's garbage grows to beyond what the law says of the child that it trains, before they are collected: what 350 tiny
 * children of two workers left standing at most.
 */
export const leftBehind = 1.5e8;

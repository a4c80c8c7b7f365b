// Steps of a training on the CPU: the host does them one by one and hands in numbers.

import type { TrainingBatches } from '../data/batches.ts';
import { scope } from '../engine/memory.ts';
import { manualSeed } from '../engine/random.ts';
import { type StepPlan, type Trainee, trainingStep } from './step.ts';

export class HostSteps {
  readonly #trainee: Trainee;
  readonly #batches: TrainingBatches;
  readonly #planOf: (step: number) => StepPlan;

  constructor(trainee: Trainee, batches: TrainingBatches, planOf: (step: number) => StepPlan) {
    this.#trainee = trainee;
    this.#batches = batches;
    this.#planOf = planOf;
  }

  run(step: number): void {
    const { epoch, index, seed, side, ...numbers } = this.#planOf(step);
    manualSeed(seed);
    scope(() => void trainingStep(this.#trainee, { ...this.#batches.batch(epoch, index, side), ...numbers }));
  }

  /** Holds nothing; steps on a device do. */
  [Symbol.dispose](): void {}
}

// Training steps on the CPU, one by one, with numbers as inputs.

import type { StepBatches } from '../data/step-batches.ts';
import { scope } from '../engine/memory.ts';
import { manualSeed } from '../engine/random.ts';
import { TensorList } from '../engine/tensor-list.ts';
import { type StepPlan, type Trainee, trainingStep } from './step.ts';
import { StepPrograms } from './step-programs.ts';

export class HostSteps {
  readonly #trainee: Trainee;
  readonly #parameters: TensorList;
  readonly #programs: StepPrograms | undefined;
  readonly #batches: StepBatches;
  readonly #planOf: (step: number) => StepPlan;

  constructor(trainee: Trainee, batches: StepBatches, planOf: (step: number) => StepPlan) {
    this.#parameters = new TensorList(trainee.network.parameters());
    this.#trainee = { ...trainee, parameters: this.#parameters };
    this.#programs = StepPrograms.of(trainee);
    this.#batches = batches;
    this.#planOf = planOf;
  }

  run(step: number): void {
    const { epoch, index, seed, side, frozen = false, ...numbers } = this.#planOf(step);
    this.#trainee.network.freezeBody?.(frozen);
    manualSeed(seed);
    const trainee = frozen ? this.#trainee : { ...this.#trainee, programs: this.#programs };
    scope(() => void trainingStep(trainee, { ...this.#batches.batch(epoch, index, side), ...numbers }));
  }

  [Symbol.dispose](): void {
    this.#programs?.[Symbol.dispose]();
    this.#parameters[Symbol.dispose]();
  }
}

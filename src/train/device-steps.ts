// Steps of a training on a device that works while the host goes on. What the next steps need travels to it for several steps at
// once; a step copies its share to where it always reads, so that it can be captured as a graph and replayed.

import { batchRows, type TrainingBatches } from '../data/batches.ts';
import { type WhiteningTensors, whiteningOn } from '../data/whitening.ts';
import { indexTensor, tensor, zeros } from '../engine/create.ts';
import { Graph } from '../engine/cuda-graph.ts';
import { free, keep, scope } from '../engine/memory.ts';
import { manualSeed } from '../engine/random.ts';
import type { Tensor } from '../engine/tensor.ts';
import { type StepPlan, type Trainee, trainingStep } from './step.ts';

export interface DeviceStepsOptions {
  /** Whether the step is captured; false runs the same step operator by operator. */
  capture: boolean;
  /** Steps whose numbers travel together. */
  ahead?: number;
  planOf: (step: number) => StepPlan;
  /** Of the training. */
  steps: number;
}

const stepsAhead = 32;
/** Steps run as they are before one is captured: libtorch allocates and cuDNN chooses its algorithms in the first. */
const warmUpSteps = 3;

export class DeviceSteps {
  readonly #trainee: Trainee;
  readonly #batches: TrainingBatches;
  readonly #options: DeviceStepsOptions;
  // What the step reads, always at the same memory.
  readonly #drawn: Tensor; // int64 [batchRows, batch]
  readonly #numbers: Tensor; // float64 [2]: progress, learning rate
  readonly #whitening: WhiteningTensors;
  #ahead: { first: number; plans: StepPlan[]; drawn: Tensor; numbers: Tensor } | undefined;
  #graph: Graph | undefined;
  #warm = 0;

  constructor(trainee: Trainee, batches: TrainingBatches, options: DeviceStepsOptions) {
    const { device, batchSize } = batches;
    this.#trainee = trainee;
    this.#batches = batches;
    this.#options = options;
    this.#drawn = keep(zeros([batchRows, batchSize], { dtype: 'int64', device }));
    this.#numbers = keep(zeros([2], { dtype: 'float64', device }));
    const { mean, factor } = whiteningOn(device, batches.whitening);
    this.#whitening = { mean: keep(mean), factor: keep(factor) };
  }

  /** Whether steps are replayed by now. */
  get captured(): boolean {
    return this.#graph !== undefined;
  }

  /** Asks the device for a step. */
  run(step: number): void {
    this.#bring(step);
    if (this.#graph) {
      this.#graph.replay();
      this.#trainee.optimizer.replayed();
    } else if (this.#options.capture && this.#warm >= warmUpSteps) {
      this.#graph = Graph.capture(() => this.#step());
      this.#graph.replay();
    } else {
      this.#step();
      this.#warm += 1;
    }
  }

  #step(): void {
    scope(() => {
      const { images, labels } = this.#batches.make(this.#drawn, this.#whitening);
      const [progress, rate] = [this.#numbers.select(0, 0), this.#numbers.select(0, 1)];
      trainingStep(this.#trainee, { images, labels, progress, learningRate: rate.to('float32') });
    });
  }

  /** Puts the step's numbers where it reads them, and its seed where the device's generator begins. */
  #bring(step: number): void {
    if (!this.#ahead || step < this.#ahead.first || step >= this.#ahead.first + this.#ahead.plans.length) {
      this.#send(step);
    }
    const { first, plans, drawn, numbers } = this.#ahead!;
    manualSeed(plans[step - first]!.seed);
    scope(() => {
      this.#drawn.copy_(drawn.select(0, step - first));
      this.#numbers.copy_(numbers.select(0, step - first));
    });
  }

  #send(first: number): void {
    const { planOf, steps, ahead = stepsAhead } = this.#options;
    const { batchSize, device } = this.#batches;
    const plans = Array.from({ length: Math.min(ahead, steps - first) }, (_, index) => planOf(first + index));
    const length = batchRows * batchSize;
    const drawn = new Int32Array(plans.length * length);
    for (const [place, { epoch, index }] of plans.entries())
      drawn.set(this.#batches.draw(epoch, index), place * length);
    const numbers = Float64Array.from(plans.flatMap(({ progress, learningRate }) => [progress, learningRate]));
    this.#forget();
    this.#ahead = {
      first,
      plans,
      drawn: keep(indexTensor(drawn, device, [plans.length, batchRows, batchSize])),
      numbers: keep(tensor(numbers, [plans.length, 2], { device })),
    };
  }

  #forget(): void {
    if (this.#ahead) free([this.#ahead.drawn, this.#ahead.numbers]);
  }

  [Symbol.dispose](): void {
    this.#graph?.[Symbol.dispose]();
    this.#forget();
    free([this.#drawn, this.#numbers, this.#whitening.mean, this.#whitening.factor]);
  }
}

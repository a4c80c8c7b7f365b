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
  readonly #numbers: Tensor; // float64 [3]: progress, learning rate, share of new weights in the average
  readonly #whitening: WhiteningTensors;
  #ahead: { first: number; plans: StepPlan[]; drawn: Tensor; numbers: Tensor } | undefined;
  #graph: Graph | undefined;
  #warm = 0;
  /** Of the images in the steps that the graph holds, or that are to be captured. */
  #side: number | undefined;

  constructor(trainee: Trainee, batches: TrainingBatches, options: DeviceStepsOptions) {
    const { device, batchSize } = batches;
    this.#trainee = trainee;
    this.#batches = batches;
    this.#options = options;
    this.#drawn = keep(zeros([batchRows, batchSize], { dtype: 'int64', device }));
    this.#numbers = keep(zeros([3], { dtype: 'float64', device }));
    const { mean, factor } = whiteningOn(device, batches.whitening);
    this.#whitening = { mean: keep(mean), factor: keep(factor) };
  }

  /** Whether steps are replayed by now. */
  get captured(): boolean {
    return this.#graph !== undefined;
  }

  /** Asks the device for a step. */
  run(step: number): void {
    this.#resize(this.#bring(step).side);
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

  /** A graph holds steps with images of one size. */
  #resize(side: number | undefined): void {
    if (side === this.#side) return;
    this.#graph?.[Symbol.dispose]();
    [this.#graph, this.#warm, this.#side] = [undefined, 0, side];
  }

  #step(): void {
    scope(() => {
      const batch = this.#batches.make(this.#drawn, { whitening: this.#whitening, side: this.#side });
      const [progress, rate, share] = [0, 1, 2].map((place) => this.#numbers.select(0, place)) as [
        Tensor,
        Tensor,
        Tensor,
      ];
      const [learningRate, averageShare] = [rate.to('float32'), share.to('float32')];
      trainingStep(this.#trainee, { ...batch, progress, learningRate, averageShare });
    });
  }

  /** Puts the step's numbers where it reads them, and its seed where the device's generator begins. */
  #bring(step: number): StepPlan {
    if (!this.#ahead || step < this.#ahead.first || step >= this.#ahead.first + this.#ahead.plans.length) {
      this.#send(step);
    }
    const { first, plans, drawn, numbers } = this.#ahead!;
    const plan = plans[step - first]!;
    manualSeed(plan.seed);
    scope(() => {
      this.#drawn.copy_(drawn.select(0, step - first));
      this.#numbers.copy_(numbers.select(0, step - first));
    });
    return plan;
  }

  #send(first: number): void {
    const { planOf, steps, ahead = stepsAhead } = this.#options;
    const { batchSize, device } = this.#batches;
    const plans = Array.from({ length: Math.min(ahead, steps - first) }, (_, index) => planOf(first + index));
    const length = batchRows * batchSize;
    const drawn = new Int32Array(plans.length * length);
    for (const [place, { epoch, index }] of plans.entries())
      drawn.set(this.#batches.draw(epoch, index), place * length);
    const numbers = Float64Array.from(
      plans.flatMap(({ progress, learningRate, averageShare }) => [progress, learningRate, averageShare]),
    );
    this.#forget();
    this.#ahead = {
      first,
      plans,
      drawn: keep(indexTensor(drawn, device, [plans.length, batchRows, batchSize])),
      numbers: keep(tensor(numbers, [plans.length, 3], { device })),
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

// Training steps on a device, which works asynchronously. The inputs of several steps are copied to the device at once;
// each step copies its own to fixed memory, so that it can be captured as a graph and replayed.

import type { StepBatches } from '../data/step-batches.ts';
import { type WhiteningTensors, whiteningOn } from '../data/whitening.ts';
import { fromBytes, indexTensor, tensor, zeros } from '../engine/create.ts';
import { Graph } from '../engine/cuda-graph.ts';
import { free, keep, scope } from '../engine/memory.ts';
import { manualSeed } from '../engine/random.ts';
import type { Tensor } from '../engine/tensor.ts';
import { receiveStep, type StepInputs, type StepPlan, sendStep, type Trainee, trainingStep } from './step.ts';

export interface DeviceStepsOptions {
  /** Whether to capture the step; false runs it operator by operator. */
  capture: boolean;
  /** Number of steps whose inputs are copied together. */
  ahead?: number;
  planOf: (step: number) => StepPlan;
  /** Returns the number of steps of the training, which may change; `planOf` then changes too. */
  steps: () => number;
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);

const stepsAhead = 32;
/** Number of steps before the capture, in which libtorch allocates memory and cuDNN chooses its algorithms. */
const warmUpSteps = 3;

/** A captured step; of replicas its gradients, and what is done with their sums. */
interface CapturedStep {
  first: Graph;
  last?: Graph;
}

export class DeviceSteps {
  readonly #trainee: Trainee;
  readonly #batches: StepBatches;
  readonly #options: DeviceStepsOptions;
  // The inputs of the step, at fixed memory.
  readonly #randomNumbers: Tensor; // int64 [rows, batch]
  readonly #pixels: Tensor | undefined; // of streamed images: uint8, for the largest ones
  #pixelsShape: readonly number[]; // of the step's images
  readonly #numbers: Tensor; // float64 [3]: progress, learning rate, share of new weights in the average
  readonly #whitening: WhiteningTensors;
  #ahead: { first: number; steps: number; plans: StepPlan[]; randomNumbers: Tensor; numbers: Tensor } | undefined;
  #graphs: CapturedStep | undefined;
  #warm = 0;
  /** The form of the captured steps, or of those that will be captured. */
  #form: Pick<StepPlan, 'side' | 'frozen'> = {};

  constructor(trainee: Trainee, batches: StepBatches, options: DeviceStepsOptions) {
    const { device, batchSize } = batches;
    this.#trainee = trainee;
    this.#batches = batches;
    this.#options = options;
    this.#randomNumbers = keep(zeros([batches.rows, batchSize], { dtype: 'int64', device }));
    const { pixels } = batches;
    this.#pixels = pixels && keep(zeros([sizeOf(pixels.shape)], { dtype: 'uint8', device }));
    this.#pixelsShape = pixels?.shape ?? [];
    this.#numbers = keep(zeros([3], { dtype: 'float64', device }));
    const { mean, factor } = whiteningOn(device, batches.whitening);
    this.#whitening = { mean: keep(mean), factor: keep(factor) };
  }

  /** Whether the step has been captured. */
  get captured(): boolean {
    return this.#graphs !== undefined;
  }

  /** Queues a step on the device. */
  run(step: number): void {
    this.#take(this.#setInputs(step));
    if (this.#graphs) {
      this.#replay(this.#graphs);
      this.#trainee.optimizer.replayed();
    } else if (this.#options.capture && this.#warm >= warmUpSteps) {
      this.#graphs = this.#capture();
      this.#replay(this.#graphs);
    } else {
      this.#step(trainingStep);
      this.#warm += 1;
    }
  }

  /** Captures a step; the exchange among replicas lies between two graphs. Not measured on several GPUs. */
  #capture(): CapturedStep {
    if (!this.#trainee.reduction) return { first: Graph.capture(() => this.#step(trainingStep)) };
    const first = Graph.capture(() => this.#step(sendStep));
    try {
      return { first, last: Graph.capture(() => this.#step(receiveStep)) };
    } catch (error) {
      first[Symbol.dispose]();
      throw error;
    }
  }

  #replay({ first, last }: CapturedStep): void {
    first.replay();
    if (!last) return;
    this.#trainee.reduction!.gradients.exchange();
    last.replay();
  }

  /** Discards the graph if the size of the images or the parts of the network in training change: a graph has one. */
  #take({ side, frozen = false }: StepPlan): void {
    this.#trainee.network.freezeBody?.(frozen);
    if (side === this.#form.side && frozen === (this.#form.frozen ?? false)) return;
    this.#discard();
    [this.#warm, this.#form] = [0, { side, frozen }];
  }

  #discard(): void {
    this.#graphs?.first[Symbol.dispose]();
    this.#graphs?.last?.[Symbol.dispose]();
    this.#graphs = undefined;
  }

  #step(run: (trainee: Trainee, inputs: StepInputs) => void): void {
    scope(() => {
      const [whitening, pixels] = [this.#whitening, this.#stepPixels()];
      const batch = this.#batches.make(this.#randomNumbers, { whitening, pixels, side: this.#form.side });
      const [progress, rate, share] = [0, 1, 2].map((place) => this.#numbers.select(0, place)) as [
        Tensor,
        Tensor,
        Tensor,
      ];
      const [learningRate, averageShare] = [rate.to('float32'), share.to('float32')];
      run(this.#trainee, { ...batch, progress, learningRate, averageShare });
    });
  }

  /** Copies the step's inputs to fixed memory and seeds the device's generator. */
  #setInputs(step: number): StepPlan {
    const ahead = this.#ahead;
    if (
      !ahead ||
      step < ahead.first ||
      step >= ahead.first + ahead.plans.length ||
      ahead.steps !== this.#options.steps()
    )
      this.#send(step);
    const { first, plans, randomNumbers, numbers } = this.#ahead!;
    const plan = plans[step - first]!;
    manualSeed(plan.seed);
    scope(() => {
      this.#randomNumbers.copy_(randomNumbers.select(0, step - first));
      this.#numbers.copy_(numbers.select(0, step - first));
      this.#setPixels(plan);
    });
    return plan;
  }

  #setPixels({ epoch, index }: StepPlan): void {
    if (!this.#batches.pixels) return;
    const { bytes, shape } = this.#batches.pixels.of(epoch, index);
    this.#pixelsShape = shape;
    this.#stepPixels()!.copy_(fromBytes(bytes, 'uint8', shape));
  }

  /** Returns the part of the fixed memory that a step's images fill. */
  #stepPixels(): Tensor | undefined {
    return this.#pixels?.narrow(0, 0, sizeOf(this.#pixelsShape)).reshape(this.#pixelsShape);
  }

  #send(first: number): void {
    // streamed images are known one step at a time
    const { planOf, ahead = this.#batches.wait ? 1 : stepsAhead } = this.#options;
    const steps = this.#options.steps();
    const { batchSize, rows, device } = this.#batches;
    const plans = Array.from({ length: Math.min(ahead, steps - first) }, (_, index) => planOf(first + index));
    const length = rows * batchSize;
    const randomNumbers = new Int32Array(plans.length * length);
    for (const [place, { epoch, index }] of plans.entries())
      randomNumbers.set(this.#batches.integersOf(epoch, index), place * length);
    const numbers = Float64Array.from(
      plans.flatMap(({ progress, learningRate, averageShare }) => [progress, learningRate, averageShare]),
    );
    this.#forget();
    this.#ahead = {
      first,
      steps,
      plans,
      randomNumbers: keep(indexTensor(randomNumbers, device, [plans.length, rows, batchSize])),
      numbers: keep(tensor(numbers, [plans.length, 3], { device })),
    };
  }

  #forget(): void {
    if (this.#ahead) free([this.#ahead.randomNumbers, this.#ahead.numbers]);
  }

  [Symbol.dispose](): void {
    this.#discard();
    this.#forget();
    const { mean, factor } = this.#whitening;
    free([this.#randomNumbers, this.#numbers, mean, factor, ...(this.#pixels ? [this.#pixels] : [])]);
  }
}

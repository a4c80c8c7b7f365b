// Sums the gradients of a step over replicas in one flat tensor, with figures of the step, the moving statistics of
// norms and wishes of the replicas: one exchange a step. A captured step fills it in one graph and reads it in another,
// and the exchange lies between.

import { zeros } from '../engine/create.ts';
import { collectedGradients } from '../engine/gradient.ts';
import { free, keep, noGrad, scope } from '../engine/memory.ts';
import { operator } from '../engine/operator.ts';
import type { DType, Tensor } from '../engine/tensor.ts';
import type { Module } from '../nn/module.ts';
import type { Replicas } from '../replicas/replicas.ts';

/** The wishes of any replica after a step. */
export interface Wishes {
  /** The training stops. */
  stop: boolean;
  /** A checkpoint is written. */
  save: boolean;
}

const wishes = 2;

export class GradientReduction {
  readonly replicas: Replicas;
  readonly #parameters: readonly Tensor[];
  /** Each replica takes those of its own images; after a step all have their means, so that any may be saved. */
  readonly #statistics: readonly Tensor[];
  readonly #figures: number;
  /** Wishes, figures, statistics and gradients one after another: float32, or float64 like the parameters. */
  readonly #flat: Tensor;
  /** The parameters that have gradients in this step, and the elements that are exchanged. */
  #present: readonly Tensor[] = [];
  #length = 0;

  /** @param figures number of the step's figures, which are summed too */
  constructor(replicas: Replicas, network: Module, figures: number) {
    const parameters = network.parameters();
    this.replicas = replicas;
    this.#parameters = parameters;
    this.#statistics = [...network.namedBuffers().values()];
    this.#figures = figures;
    const [{ device, dtype }] = parameters as [Tensor];
    const length = wishes + figures + sizeOf(this.#statistics) + sizeOf(parameters);
    this.#flat = keep(zeros([length], { dtype: wideDtype(dtype), device }));
  }

  /** Copies the figures, [] each, the statistics and the parameters' gradients to the flat tensor. */
  fill(figures: readonly Tensor[]): void {
    scope(() =>
      noGrad(() => {
        const { dtype } = this.#flat;
        const collected = collectedGradients(this.#parameters);
        this.#present = this.#parameters.filter((_, index) => collected[index]);
        const gradients = collected.filter((each) => each !== undefined);
        const parts = [...figures, ...this.#statistics, ...gradients].map((each) => each.flatten());
        const length = sizeOf(parts);
        this.#length = wishes + length;
        const converted = parts.map((each) => each.to(dtype));
        concatenate.run(converted, 0, this.#flat.narrow(0, wishes, length));
      }),
    );
  }

  /** States this replica's wishes, which travel with the next exchange. */
  wish({ stop, save }: Wishes): void {
    scope(() =>
      noGrad(() => {
        this.#flat.narrow(0, 0, 1).fill_(stop ? 1 : 0);
        this.#flat.narrow(0, 1, 1).fill_(save ? 1 : 0);
      }),
    );
  }

  /** Sums over the replicas. */
  exchange(): void {
    scope(() => this.replicas.allReduce(this.#flat.narrow(0, 0, this.#length)));
  }

  /**
   * Gives the parameters the summed gradients and the norms the mean statistics, and returns the summed figures, which
   * are parts of the flat tensor.
   */
  take(): Tensor[] {
    let place = wishes + this.#figures;
    scope(() =>
      noGrad(() => {
        this.#flat.narrow(0, place, sizeOf(this.#statistics)).div_(this.replicas.count);
        for (const each of this.#statistics) {
          each.copy_(this.#flat.narrow(0, place, each.size).reshape(each.shape));
          place += each.size;
        }
        for (const parameter of this.#present) {
          const sum = this.#flat.narrow(0, place, parameter.size).reshape(parameter.shape);
          parameter.grad = sum.to(parameter.dtype);
          place += parameter.size;
        }
      }),
    );
    return Array.from({ length: this.#figures }, (_, index) => this.#flat.select(0, wishes + index));
  }

  /** Returns whether any replica wished so at the latest exchange; waits for the device. */
  wished(): Wishes {
    const [stop, save] = scope(() => this.#flat.narrow(0, 0, wishes).toArray());
    return { stop: stop! > 0, save: save! > 0 };
  }

  [Symbol.dispose](): void {
    free([this.#flat]);
  }
}

const sizeOf = (tensors: readonly Tensor[]): number => tensors.reduce((sum, { size }) => sum + size, 0);

const wideDtype = (dtype: DType): DType => (dtype === 'float64' ? 'float64' : 'float32');

const concatenate = operator('aten::cat', 'out');

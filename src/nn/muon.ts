// Muon, an optimizer that turns the weights of convolutions by orthogonal matrices.

import { zerosLike } from '../engine/create.ts';
import { cpu } from '../engine/device.ts';
import { free, keep, noGrad, scope } from '../engine/memory.ts';
import { operator } from '../engine/operator.ts';
import { stack } from '../engine/operators.ts';
import type { Tensor } from '../engine/tensor.ts';
import { TensorList } from '../engine/tensor-list.ts';
import {
  checkState,
  copyState,
  Momentum,
  type MomentumOptions,
  type NamedTensors,
  type Optimizer,
  times,
  withGradients,
} from './optimizers.ts';
import { addList, mulScalar } from './tensor-lists.ts';

export interface MuonOptions extends MomentumOptions {
  /** Learning rate of the matrices, as a multiple of the others'. */
  matrixRate: number;
  /** Newton-Schulz iterations. */
  iterations: number;
}

/** A weight and its velocity. */
interface Matrix {
  name: string;
  parameter: Tensor;
  velocity: Tensor;
}

/** Matrices of the same learning rate. */
interface SameRate {
  rate: number;
  members: readonly Matrix[];
  /** Absent where nasnet's operator cannot take them: on a GPU, and of float64. */
  lists?: { parameters: TensorList; velocities: TensorList };
}

/** Coefficients of the polynomial a · x + b · x³ + c · x⁵ (Jordan et al.). */
const [a, b, c] = [3.4445, -4.775, 2.0315];

/**
 * Muon (Jordan et al., 2024, "Muon: An optimizer for hidden layers in neural networks"): stochastic gradient descent
 * with Nesterov momentum, of which a matrix takes the nearest orthogonal one, so that all its directions are learnt
 * equally fast. Matrices are the weights of convolutions without a bias, [outputs, inputs · kernel], but of depthwise
 * ones; everything else has plain momentum. Since a norm follows such a convolution, only the direction of its weight
 * matters: a step is relative to the weight's norm, which never changes, W ← |W| · normalised(W − rate · matrixRate ·
 * |W| · O / √rank). Matrices have no weight decay. The auxiliary head has momentum: its last convolution is a linear
 * layer over all pixels that are left, of which one step takes longer than a step of a small network.
 */
export class Muon implements Optimizer {
  readonly #others: Momentum;
  readonly #groups: readonly SameRate[];
  readonly #momentum: number;
  readonly #iterations: number;

  constructor(parameters: ReadonlyMap<string, Tensor>, { matrixRate, iterations, ...options }: MuonOptions) {
    const { momentum = 0.9, rateOf = () => 1 } = options;
    this.#momentum = momentum;
    this.#iterations = iterations;
    const isMatrix = (name: string, { shape }: Tensor) =>
      shape.length === 4 &&
      shape[1]! > 1 &&
      !name.startsWith('auxiliary.') &&
      !parameters.has(name.replace(/weight$/, 'bias'));
    const of = (matrices: boolean) => [...parameters].filter(([name, each]) => isMatrix(name, each) === matrices);
    this.#others = new Momentum(new Map(of(false)), options);
    const turning = noGrad(() =>
      of(true).map(([name, parameter]) => ({ name, parameter, velocity: keep(zerosLike(parameter)) })),
    );
    this.#groups = [...Map.groupBy(turning, ({ name }) => rateOf(name))].map(([rate, members]) => ({
      rate: rate * matrixRate,
      members,
      ...(members.every(({ parameter }) => parameter.device === cpu && parameter.dtype === 'float32') && {
        lists: {
          parameters: new TensorList(members.map(({ parameter }) => parameter)),
          velocities: new TensorList(members.map(({ velocity }) => velocity)),
        },
      }),
    }));
  }

  step(learningRate: number | Tensor): void {
    this.#others.step(learningRate);
    for (const { rate, members, lists } of this.#groups) {
      if (lists && typeof learningRate === 'number') {
        const { parameters, velocities } = lists;
        noGrad(() => muonStep.run(parameters, velocities, rate * learningRate, this.#momentum, this.#iterations));
      } else {
        scope(() => noGrad(() => this.#turn(members, times(learningRate, rate))));
      }
    }
  }

  /** Turns matrices that have gradients, those of the same shape together. */
  #turn(members: readonly Matrix[], rate: number | Tensor): void {
    const byShape = Map.groupBy(withGradients(members), ({ parameter }) => parameter.shape.join());
    for (const group of byShape.values()) {
      const parameters = group.map(({ parameter }) => parameter);
      const velocities = group.map(({ velocity }) => velocity);
      const gradients = group.map(({ gradient }) => gradient);
      mulScalar.run(velocities, this.#momentum);
      addList.run(velocities, gradients, 1);
      addList.run(gradients, velocities, this.#momentum);
      scope(() => {
        const { shape, size } = parameters[0]!;
        const rows = shape[0]!;
        const flat = (tensors: Tensor[]) => stack(tensors).reshape([group.length, rows, size / rows]);
        const weights = flat(parameters);
        const norms = normsOf(weights);
        const share = times(rate, 1 / Math.sqrt(Math.min(rows, size / rows)));
        const moved = weights.sub(orthogonal(flat(gradients), this.#iterations).mul(norms).mul(share));
        const turned = moved.mul(norms.div(normsOf(moved).clamp(1e-30))); // weights of zeros stay
        for (const [index, each] of parameters.entries()) each.copy_(turned.select(0, index).reshape(shape));
      });
    }
  }

  replayed(): void {
    this.#others.replayed();
  }

  get stepsTaken(): number {
    return this.#others.stepsTaken;
  }

  state(): NamedTensors {
    return { ...this.#others.state(), ...this.#own() };
  }

  #own(): NamedTensors {
    const matrices = this.#groups.flatMap(({ members }) => members);
    return Object.fromEntries(matrices.map(({ name, velocity }) => [`momentum.${name}`, velocity]));
  }

  check(state: NamedTensors): void {
    checkState(this.state(), state);
  }

  load(state: NamedTensors, stepsTaken: number): void {
    this.check(state);
    copyState(this.#own(), state);
    this.#others.load(state, stepsTaken);
  }

  dispose(): void {
    for (const { members, lists } of this.#groups) {
      lists?.parameters[Symbol.dispose]();
      lists?.velocities[Symbol.dispose]();
      free(members.map(({ velocity }) => velocity));
    }
    this.#others.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Euclidean norms of matrices [n, rows, columns]: [n, 1, 1]. */
const normsOf = (matrices: Tensor) => matrices.square().sum([1, 2], true).sqrt();

/**
 * Returns matrices [n, rows, columns] whose singular values are brought near 1 by Newton-Schulz iterations.
 * native/kernels/muon-operator.cpp has the same.
 */
function orthogonal(matrices: Tensor, iterations: number): Tensor {
  const [, rows, columns] = matrices.shape as [number, number, number];
  const wide = rows <= columns;
  let some = wide ? matrices : matrices.transpose(1, 2);
  some = some.div(normsOf(some).add(1e-7));
  for (let iteration = 0; iteration < iterations; iteration++) {
    some = scope(() => {
      const gram = some.matmul(some.transpose(1, 2));
      const factor = gram.mul(b).add(gram.matmul(gram), c);
      return some.mul(a).add(factor.matmul(some));
    });
  }
  return wide ? some : some.transpose(1, 2);
}

const muonStep = operator('nasnet::muon_step');

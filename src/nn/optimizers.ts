// Optimizers over named parameters, by libtorch's list operators: a network has hundreds of small tensors, and one call for all
// of them costs little more than one call for one. A parameter without a gradient is left alone.

import { onesLike, zeros, zerosLike } from '../engine/create.ts';
import { collectedGradients } from '../engine/gradient.ts';
import { free, keep, noGrad, scope } from '../engine/memory.ts';
import { hasOperator, operator } from '../engine/operator.ts';
import { stack } from '../engine/operators.ts';
import type { Tensor } from '../engine/tensor.ts';
import { InputError } from '../failure.ts';

export type NamedTensors = Record<string, Tensor>;

/** What moves parameters by their gradients, with a state of its own beside them. */
export interface Optimizer {
  /**
   * Moves the parameters by their gradients, which it may overwrite. A tensor [] is read on its device: a captured step reads it anew each
   * time, and moves as a number of that value does, to the rounding of float operations.
   */
  step(learningRate: number | Tensor): void;
  /** Counts a step that was made without `step`: by a graph that holds one. */
  replayed(): void;
  readonly stepsTaken: number;
  /** The state by name, `momentum.stem.convolution.weight`: the tensors themselves. The count of steps is `stepsTaken`. */
  state(): NamedTensors;
  /** Whether `load` would take a state. @throws InputError that names what is missing or of another shape */
  check(state: NamedTensors): void;
  /** Copies a saved state into this one. @throws InputError as `check`, and nothing is copied */
  load(state: NamedTensors, stepsTaken: number): void;
  /** Frees the state: the optimizer cannot be used any more. */
  dispose(): void;
  [Symbol.dispose](): void;
}

/** What all of them share: state tensors by name, and lists of the parameters that have a gradient. */
abstract class ListOptimizer implements Optimizer {
  readonly #parameters: ReadonlyMap<string, Tensor>;
  readonly #slots: ReadonlyMap<string, ReadonlyMap<string, Tensor>>;
  /** L2: this times the weight is added to the gradient of every parameter of two axes or more (not to biases and batch norm). */
  readonly #weightDecay: number;
  /** Steps taken. */
  protected steps = 0;

  constructor(parameters: ReadonlyMap<string, Tensor>, slots: Record<string, 'zeros' | 'ones'>, weightDecay = 0) {
    this.#parameters = parameters;
    this.#weightDecay = weightDecay;
    const fresh = { zeros: zerosLike, ones: onesLike };
    this.#slots = noGrad(
      () =>
        new Map(
          Object.entries(slots).map(([slot, start]) => [
            slot,
            new Map([...parameters].map(([name, tensor]) => [name, keep(fresh[start](tensor))])),
          ]),
        ),
    );
  }

  step(learningRate: number | Tensor): void {
    this.steps += 1;
    scope(() =>
      noGrad(() => {
        const found = collectedGradients([...this.#parameters.values()]);
        const names = [...this.#parameters.keys()].filter((_, index) => found[index]);
        const gradients = found.filter((gradient) => gradient !== undefined);
        if (names.length === 0) return;
        const parameters = names.map((name) => this.#parameters.get(name)!);
        if (this.#weightDecay > 0) {
          const decayed = [...parameters.keys()].filter((index) => parameters[index]!.shape.length > 1);
          const pick = (list: Tensor[]) => decayed.map((index) => list[index]!);
          if (decayed.length > 0) addList.run(pick(gradients), pick(parameters), this.#weightDecay);
        }
        const slot = (name: string) => names.map((parameter) => this.#slots.get(name)!.get(parameter)!);
        this.move(parameters, gradients, slot, learningRate);
      }),
    );
  }

  protected abstract move(
    parameters: Tensor[],
    gradients: Tensor[],
    slot: (name: string) => Tensor[],
    learningRate: number | Tensor,
  ): void;

  replayed(): void {
    this.steps += 1;
  }

  state(): NamedTensors {
    const entries = [...this.#slots].flatMap(([slot, tensors]) =>
      [...tensors].map(([name, tensor]): [string, Tensor] => [`${slot}.${name}`, tensor]),
    );
    return Object.fromEntries(entries);
  }

  dispose(): void {
    free(Object.values(this.state()));
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  get stepsTaken(): number {
    return this.steps;
  }

  check(state: NamedTensors): void {
    for (const [name, tensor] of Object.entries(this.state())) {
      const given = state[name];
      if (given?.shape.join() === tensor.shape.join()) continue;
      throw new InputError(
        `optimizer state: ${name}: expected the shape [${tensor.shape}], got ${given ? `[${given.shape}]` : 'none'}`,
      );
    }
  }

  load(state: NamedTensors, stepsTaken: number): void {
    this.check(state);
    noGrad(() => {
      for (const [name, tensor] of Object.entries(this.state())) tensor.copy_(state[name]!);
    });
    this.steps = stepsTaken;
  }
}

export interface MomentumOptions {
  momentum?: number;
  nesterov?: boolean;
  weightDecay?: number;
}

/**
 * Stochastic gradient descent with momentum: v ← momentum · v + g, w ← w − rate · v; after Nesterov w ← w − rate · (g + momentum · v),
 * as TensorFlow and PyTorch both compute it.
 */
export class Momentum extends ListOptimizer {
  readonly #momentum: number;
  readonly #nesterov: boolean;

  constructor(parameters: ReadonlyMap<string, Tensor>, options: MomentumOptions = {}) {
    super(parameters, { momentum: 'zeros' }, options.weightDecay);
    this.#momentum = options.momentum ?? 0.9;
    this.#nesterov = options.nesterov ?? true;
  }

  protected override move(
    parameters: Tensor[],
    gradients: Tensor[],
    slot: (name: string) => Tensor[],
    learningRate: number | Tensor,
  ): void {
    const velocities = slot('momentum');
    mulScalar.run(velocities, this.#momentum);
    addList.run(velocities, gradients, 1);
    if (this.#nesterov) addList.run(gradients, velocities, this.#momentum);
    const directions = this.#nesterov ? gradients : velocities;
    if (typeof learningRate === 'number') addList.run(parameters, directions, -learningRate);
    else addList.run(parameters, scaled(directions, learningRate), -1);
  }
}

export interface RMSPropOptions {
  /** Of the moving mean of squared gradients. */
  decay?: number;
  momentum?: number;
  /** Inside the root, as TensorFlow has it; the paper's ImageNet trainings use 1. */
  epsilon?: number;
  weightDecay?: number;
}

/** TensorFlow's RMSProp: s ← decay · s + (1 − decay) · g², starting at 1; m ← momentum · m + rate · g / √(s + ε); w ← w − m. */
export class RMSProp extends ListOptimizer {
  readonly #decay: number;
  readonly #momentum: number;
  readonly #epsilon: number;

  constructor(parameters: ReadonlyMap<string, Tensor>, options: RMSPropOptions = {}) {
    super(parameters, { square: 'ones', momentum: 'zeros' }, options.weightDecay);
    this.#decay = options.decay ?? 0.9;
    this.#momentum = options.momentum ?? 0.9;
    this.#epsilon = options.epsilon ?? 1;
  }

  protected override move(
    parameters: Tensor[],
    gradients: Tensor[],
    slot: (name: string) => Tensor[],
    learningRate: number | Tensor,
  ): void {
    const [squares, momenta] = [slot('square'), slot('momentum')];
    mulScalar.run(squares, this.#decay);
    addProduct.run(squares, gradients, gradients, 1 - this.#decay);
    const roots = addedScalar.tensors(squares, this.#epsilon);
    sqrt.run(roots);
    mulScalar.run(momenta, this.#momentum);
    if (typeof learningRate === 'number') addQuotient.run(momenta, gradients, roots, learningRate);
    else addList.run(momenta, scaled(quotients.tensors(gradients, roots), learningRate), 1);
    addList.run(parameters, momenta, -1);
  }
}

export interface AdamOptions {
  beta1?: number;
  beta2?: number;
  /** Outside the root. */
  epsilon?: number;
  weightDecay?: number;
}

/** Adam (Kingma and Ba, 2015, algorithm 1), with the bias corrections. */
export class Adam extends ListOptimizer {
  readonly #beta1: number;
  readonly #beta2: number;
  readonly #epsilon: number;
  /** Steps taken, on the device: made by the first step whose rate is there. */
  #taken: Tensor | undefined;

  constructor(parameters: ReadonlyMap<string, Tensor>, options: AdamOptions = {}) {
    super(parameters, { mean: 'zeros', square: 'zeros' }, options.weightDecay);
    this.#beta1 = options.beta1 ?? 0.9;
    this.#beta2 = options.beta2 ?? 0.999;
    this.#epsilon = options.epsilon ?? 1e-8;
  }

  protected override move(
    parameters: Tensor[],
    gradients: Tensor[],
    slot: (name: string) => Tensor[],
    learningRate: number | Tensor,
  ): void {
    const [means, squares] = [slot('mean'), slot('square')];
    mulScalar.run(means, this.#beta1);
    addList.run(means, gradients, 1 - this.#beta1);
    mulScalar.run(squares, this.#beta2);
    addProduct.run(squares, gradients, gradients, 1 - this.#beta2);
    const roots = sqrtOf.tensors(squares);
    if (typeof learningRate === 'number') {
      mulScalar.run(roots, 1 / Math.sqrt(1 - this.#beta2 ** this.steps));
      addScalar.run(roots, this.#epsilon);
      addQuotient.run(parameters, means, roots, -learningRate / (1 - this.#beta1 ** this.steps));
      this.#taken?.fill_(this.steps);
    } else {
      const taken = this.#countOn(learningRate.device).add_(1);
      const correction = (beta: number) => taken.mul(Math.log(beta)).exp().neg().add(1).to(learningRate.dtype); // 1 − β ^ steps
      scale(roots, correction(this.#beta2).sqrt().reciprocal());
      addScalar.run(roots, this.#epsilon);
      addList.run(parameters, scaled(quotients.tensors(means, roots), learningRate.div(correction(this.#beta1))), -1);
    }
  }

  /** The steps before this one, where a captured step counts for itself; float64 []. */
  #countOn(device: string): Tensor {
    this.#taken ??= keep(zeros([], { dtype: 'float64', device }).fill_(this.steps - 1));
    return this.#taken;
  }

  override load(state: NamedTensors, stepsTaken: number): void {
    super.load(state, stepsTaken);
    noGrad(() => this.#taken?.fill_(stepsTaken));
  }

  override dispose(): void {
    super.dispose();
    if (this.#taken) free([this.#taken]);
    this.#taken = undefined;
  }
}

/**
 * Scales all gradients so that their common norm is at most `maximum`. Returns the norm before, [], so that the caller decides
 * whether to wait for its value: it is not finite when a gradient is not.
 */
export function clipByGlobalNorm(parameters: readonly Tensor[], maximum: number): Tensor {
  return scope(() =>
    noGrad(() => {
      const gradients = collectedGradients(parameters).filter((gradient) => gradient !== undefined);
      if (gradients.length === 0) return zeros([]);
      const norm = stack(norms.tensors(gradients, 2)).norm();
      const factor = norm.clamp(maximum).div(maximum).reciprocal(); // exactly 1 where nothing is to be clipped
      scale(gradients, factor);
      return norm;
    }),
  );
}

/** Each tensor times a factor [] that only the device knows, in place. */
function scale(tensors: Tensor[], factor: Tensor): void {
  if (takesFactors()) mulTensor.run(tensors, factor);
  else mulList.run(tensors, repeated(factor, tensors)); // an operator for each
}

function scaled(tensors: Tensor[], factor: Tensor): Tensor[] {
  return takesFactors()
    ? scaledTensor.tensors(tensors, factor)
    : scaledList.tensors(tensors, repeated(factor, tensors));
}

const repeated = (factor: Tensor, tensors: Tensor[]) => tensors.map(() => factor);

let withFactors: boolean | undefined;

/** Whether libtorch multiplies a whole list by one tensor: from 2.1 on. */
function takesFactors(): boolean {
  withFactors ??= hasOperator('aten::_foreach_mul_', 'Tensor');
  return withFactors;
}

const addList = operator('aten::_foreach_add_', 'List');
const addScalar = operator('aten::_foreach_add_', 'Scalar');
const addedScalar = operator('aten::_foreach_add', 'Scalar');
const mulList = operator('aten::_foreach_mul_', 'List');
const mulTensor = operator('aten::_foreach_mul_', 'Tensor');
const scaledList = operator('aten::_foreach_mul', 'List');
const scaledTensor = operator('aten::_foreach_mul', 'Tensor');
const mulScalar = operator('aten::_foreach_mul_', 'Scalar');
const addProduct = operator('aten::_foreach_addcmul_', 'Scalar');
const quotients = operator('aten::_foreach_div', 'List');
const addQuotient = operator('aten::_foreach_addcdiv_', 'Scalar');
const sqrt = operator('aten::_foreach_sqrt_');
const sqrtOf = operator('aten::_foreach_sqrt');
const norms = operator('aten::_foreach_norm', 'Scalar');

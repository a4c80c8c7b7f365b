// Optimizers over named parameters. They use operators on lists: a network has hundreds of small tensors, and one call
// for all costs little more than a call for one. Parameters without a gradient do not change.

import { onesLike, tensor, zeros, zerosLike } from '../engine/create.ts';
import { cpu } from '../engine/device.ts';
import { collectedGradients } from '../engine/gradient.ts';
import { free, keep, noGrad, scope } from '../engine/memory.ts';
import { operator } from '../engine/operator.ts';
import type { Tensor } from '../engine/tensor.ts';
import { TensorList } from '../engine/tensor-list.ts';
import { InputError } from '../failure.ts';
import { addList, listNorm, mulScalar, scale, scaled } from './tensor-lists.ts';

export type NamedTensors = Record<string, Tensor>;

/** Updates parameters from their gradients, and has a state. */
export interface Optimizer {
  /**
   * Updates the parameters from their gradients, which it may overwrite.
   * @param learningRate a number, or a tensor [] that is read on its device at each replay of a captured step; both
   * give equal updates up to float rounding
   */
  step(learningRate: number | Tensor): void;
  /** Counts a step that a captured graph has replayed. */
  replayed(): void;
  readonly stepsTaken: number;
  /**
   * Returns the state tensors by name, `momentum.stem.convolution.weight`: not copies. The step count is `stepsTaken`.
   */
  state(): NamedTensors;
  /** Checks that `load` accepts a state. @throws InputError that names a missing tensor or a wrong shape */
  check(state: NamedTensors): void;
  /** Copies a saved state into the optimizer. @throws InputError as `check`, before anything is copied */
  load(state: NamedTensors, stepsTaken: number): void;
  /** Frees the state; the optimizer cannot be used afterwards. */
  dispose(): void;
  [Symbol.dispose](): void;
}

/** Parameters of two axes or more are weights; those of one are biases, and the scales and shifts of norms. */
const isWeight = (parameter: Tensor) => parameter.shape.length > 1;

/** Options of every optimizer that treat weights and the other parameters differently. */
export interface GroupOptions {
  /**
   * Factor of L2 regularisation: this times the weight is added to the gradient of every weight. If `decoupled`, this
   * times the weight times the learning rate is subtracted from the weight instead.
   */
  weightDecay?: number;
  /** Decoupled weight decay (Loshchilov and Hutter, 2019): w ← w − rate · weightDecay · w, before the step. */
  decoupled?: boolean;
  /** Learning rate of biases and norms, as a multiple of the weights'. */
  biasRate?: number;
  /** Multiplies the learning rate of each parameter by name, that of biases too. Default: 1 for all. */
  rateOf?: (name: string) => number;
}

const wholeRate = () => 1;

/** The base class: state tensors by slot and name, and lists of the parameters with a gradient. */
abstract class ListOptimizer implements Optimizer {
  readonly #parameters: readonly Omit<Moving, 'gradient'>[];
  readonly #slots: ReadonlyMap<string, ReadonlyMap<string, Tensor>>;
  readonly #groups: Required<GroupOptions>;
  protected steps = 0;

  constructor(
    parameters: ReadonlyMap<string, Tensor>,
    slots: Record<string, 'zeros' | 'ones'>,
    { weightDecay = 0, decoupled = false, biasRate = 1, rateOf = wholeRate }: GroupOptions,
  ) {
    this.#parameters = [...parameters].map(([name, parameter]) => ({ name, parameter, isWeight: isWeight(parameter) }));
    this.#groups = { weightDecay, decoupled, biasRate, rateOf };
    const create = { zeros: zerosLike, ones: onesLike };
    this.#slots = noGrad(
      () =>
        new Map(
          Object.entries(slots).map(([slot, start]) => [
            slot,
            new Map([...parameters].map(([name, tensor]) => [name, keep(create[start](tensor))])),
          ]),
        ),
    );
  }

  step(learningRate: number | Tensor): void {
    this.steps += 1;
    if (typeof learningRate === 'number' && this.moveOnHost(learningRate)) return;
    scope(() =>
      noGrad(() => {
        const moving: readonly Moving[] = withGradients(this.#parameters);
        this.count(learningRate, moving);
        if (moving.length === 0) return;
        const { biasRate, rateOf } = this.#groups;
        for (const [rate, group] of Map.groupBy(moving, ({ name }) => rateOf(name)))
          this.#decay(group, times(learningRate, rate));
        const rates = ({ name, isWeight }: Moving) => (isWeight ? 1 : biasRate) * rateOf(name);
        for (const [missed, alike] of Map.groupBy(moving, ({ name }) => this.missedBy(name)))
          for (const [rate, group] of Map.groupBy(alike, rates)) this.#move(group, times(learningRate, rate), missed);
      }),
    );
  }

  /** Takes the whole step by itself. @returns whether it did */
  protected moveOnHost(_learningRate: number): boolean {
    return false;
  }

  /** Returns the parameters that have the same rates, and their tensors in a slot. */
  protected alike(slot: string): readonly Alike[] {
    const { weightDecay, decoupled, biasRate, rateOf } = this.#groups;
    const kinds = Map.groupBy(this.#parameters, ({ name, isWeight }) => `${isWeight} ${rateOf(name)}`);
    return [...kinds.values()].map((members) => {
      const [{ name, isWeight }] = members as [Omit<Moving, 'gradient'>];
      const rate = rateOf(name);
      return {
        parameters: new TensorList(members.map(({ parameter }) => parameter)),
        slot: new TensorList(members.map((each) => this.#slots.get(slot)!.get(each.name)!)),
        rateAt: (learningRate) => times(learningRate, (isWeight ? 1 : biasRate) * rate),
        decay: isWeight && !decoupled ? weightDecay : 0,
        shrinkAt: (learningRate) => (isWeight && decoupled ? 1 - times(learningRate, rate) * weightDecay : 1),
      };
    });
  }

  #decay(moving: readonly Moving[], learningRate: number | Tensor): void {
    const { weightDecay, decoupled } = this.#groups;
    const weights = moving.filter(({ isWeight }) => isWeight);
    if (weightDecay === 0 || weights.length === 0) return;
    const parameters = weights.map(({ parameter }) => parameter);
    const gradients = weights.map(({ gradient }) => gradient);
    if (!decoupled) addList.run(gradients, parameters, weightDecay);
    else if (typeof learningRate === 'number') mulScalar.run(parameters, 1 - learningRate * weightDecay);
    else scale(parameters, learningRate.mul(-weightDecay).add(1));
  }

  #move(moving: readonly Moving[], learningRate: number | Tensor, missed: number): void {
    const parameters = moving.map(({ parameter }) => parameter);
    const gradients = moving.map(({ gradient }) => gradient);
    const slot = (name: string) => moving.map((each) => this.#slots.get(name)!.get(each.name)!);
    this.update(parameters, gradients, slot, learningRate, missed);
  }

  /** Called once per step, before `update`, with the parameters that have a gradient. */
  protected count(_learningRate: number | Tensor, _moving: readonly Moving[]): void {}

  /** Returns the number of steps in which a parameter had no gradient; 0 where an optimizer does not count them. */
  protected missedBy(_name: string): number {
    return 0;
  }

  /**
   * Updates parameters that have the same learning rate and missed the same number of steps. Called once per such group
   * and step.
   */
  protected abstract update(
    parameters: Tensor[],
    gradients: Tensor[],
    slot: (name: string) => Tensor[],
    learningRate: number | Tensor,
    missed: number,
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
    checkState(this.state(), state);
  }

  load(state: NamedTensors, stepsTaken: number): void {
    this.check(state);
    copyState(this.state(), state);
    this.steps = stepsTaken;
  }
}

/** Returns those whose parameter has a gradient, with it. */
export function withGradients<Each extends { parameter: Tensor }>(all: readonly Each[]) {
  const collected = collectedGradients(all.map(({ parameter }) => parameter));
  return all.flatMap((each, index) => {
    const gradient = collected[index];
    return gradient ? [{ ...each, gradient }] : [];
  });
}

/** @throws InputError if the saved state lacks one of these tensors, or has it in another shape */
export function checkState(own: NamedTensors, saved: NamedTensors): void {
  for (const [name, { shape }] of Object.entries(own)) {
    const source = saved[name];
    if (source?.shape.join() === shape.join()) continue;
    throw new InputError(
      `optimizer state: ${name}: expected the shape [${shape}], got ${source ? `[${source.shape}]` : 'none'}`,
    );
  }
}

/** Copies a saved state, which `checkState` accepts, into an optimizer's tensors. */
export function copyState(own: NamedTensors, saved: NamedTensors): void {
  noGrad(() => {
    for (const [name, tensor] of Object.entries(own)) tensor.copy_(saved[name]!);
  });
}

/** Multiplies a learning rate. */
export function times(learningRate: number, factor: number): number;
export function times(learningRate: number | Tensor, factor: number): number | Tensor;
export function times(learningRate: number | Tensor, factor: number): number | Tensor {
  if (factor === 1) return learningRate;
  return typeof learningRate === 'number' ? factor * learningRate : learningRate.mul(factor);
}

/** A parameter that has a gradient. */
interface Moving {
  name: string;
  parameter: Tensor;
  isWeight: boolean;
  gradient: Tensor;
}

/** Parameters with the same rates. */
interface Alike {
  parameters: TensorList;
  slot: TensorList;
  rateAt: (learningRate: number) => number;
  /** Times the parameter is added to its gradient. */
  decay: number;
  /** Returns the factor of the parameters before they move. */
  shrinkAt: (learningRate: number) => number;
}

export interface MomentumOptions extends GroupOptions {
  momentum?: number;
  nesterov?: boolean;
}

/**
 * Stochastic gradient descent with momentum, as in TensorFlow and PyTorch: v ← momentum · v + g, w ← w − rate · v; with
 * Nesterov momentum w ← w − rate · (g + momentum · v).
 */
export class Momentum extends ListOptimizer {
  readonly #momentum: number;
  readonly #nesterov: boolean;
  /** Absent on a GPU. */
  readonly #alike: readonly Alike[] | undefined;

  constructor(parameters: ReadonlyMap<string, Tensor>, options: MomentumOptions = {}) {
    super(parameters, { momentum: 'zeros' }, options);
    this.#momentum = options.momentum ?? 0.9;
    this.#nesterov = options.nesterov ?? true;
    this.#alike = areOnHost([...parameters.values()]) ? this.alike('momentum') : undefined;
  }

  protected override moveOnHost(learningRate: number): boolean {
    const alike = this.#alike;
    if (!alike) return false;
    const [momentum, nesterov] = [this.#momentum, this.#nesterov];
    noGrad(() => {
      for (const { parameters, slot, rateAt, decay, shrinkAt } of alike)
        momentumStep.run(parameters, slot, rateAt(learningRate), momentum, nesterov, decay, shrinkAt(learningRate));
    });
    return true;
  }

  override dispose(): void {
    for (const { parameters, slot } of this.#alike ?? []) {
      parameters[Symbol.dispose]();
      slot[Symbol.dispose]();
    }
    super.dispose();
  }

  protected override update(
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

export interface RMSPropOptions extends GroupOptions {
  /** Decay of the moving mean of squared gradients. */
  decay?: number;
  momentum?: number;
  /** Added inside the square root, as in TensorFlow; the paper's ImageNet trainings use 1. */
  epsilon?: number;
}

/**
 * RMSProp of TensorFlow: s ← decay · s + (1 − decay) · g² with s = 1 at first; m ← momentum · m + rate · g / √(s +
 * ε); w ← w − m.
 */
export class RMSProp extends ListOptimizer {
  readonly #decay: number;
  readonly #momentum: number;
  readonly #epsilon: number;

  constructor(parameters: ReadonlyMap<string, Tensor>, options: RMSPropOptions = {}) {
    super(parameters, { square: 'ones', momentum: 'zeros' }, options);
    this.#decay = options.decay ?? 0.9;
    this.#momentum = options.momentum ?? 0.9;
    this.#epsilon = options.epsilon ?? 1;
  }

  protected override update(
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

export interface AdamOptions extends GroupOptions {
  beta1?: number;
  beta2?: number;
  /** Added outside the square root. */
  epsilon?: number;
}

/**
 * Adam (Kingma and Ba, 2015, algorithm 1), with bias correction by the steps in which a parameter had a gradient, as in
 * PyTorch: the means of a parameter that was frozen begin at 0 when it thaws.
 */
export class Adam extends ListOptimizer {
  readonly #beta1: number;
  readonly #beta2: number;
  readonly #epsilon: number;
  /** Steps without a gradient of each parameter. They are counted here, and stored in a tensor when asked for. */
  readonly #missed: Map<string, number>;
  readonly #missedStored: Tensor; // float32 [parameters]
  #isStored = true;
  /** The parameters without a gradient in the latest step; they have none in its replays either. */
  #resting: readonly string[] = [];
  /** The step count on the device; created by the first step with a tensor as its learning rate. */
  #deviceSteps: Tensor | undefined;

  constructor(parameters: ReadonlyMap<string, Tensor>, options: AdamOptions = {}) {
    super(parameters, { mean: 'zeros', square: 'zeros' }, options);
    this.#beta1 = options.beta1 ?? 0.9;
    this.#beta2 = options.beta2 ?? 0.999;
    this.#epsilon = options.epsilon ?? 1e-8;
    this.#missed = new Map([...parameters.keys()].map((name) => [name, 0]));
    const device = [...parameters.values()][0]?.device ?? cpu;
    this.#missedStored = keep(zeros([parameters.size], { dtype: 'float32', device }));
  }

  protected override update(
    parameters: Tensor[],
    gradients: Tensor[],
    slot: (name: string) => Tensor[],
    learningRate: number | Tensor,
    missed: number,
  ): void {
    const [means, squares] = [slot('mean'), slot('square')];
    mulScalar.run(means, this.#beta1);
    addList.run(means, gradients, 1 - this.#beta1);
    mulScalar.run(squares, this.#beta2);
    addProduct.run(squares, gradients, gradients, 1 - this.#beta2);
    const roots = sqrtOf.tensors(squares);
    if (typeof learningRate === 'number') {
      const steps = this.steps - missed;
      mulScalar.run(roots, 1 / Math.sqrt(1 - this.#beta2 ** steps));
      addScalar.run(roots, this.#epsilon);
      addQuotient.run(parameters, means, roots, -learningRate / (1 - this.#beta1 ** steps));
    } else {
      const steps = this.#deviceSteps!.sub(missed); // a captured step's parameters miss none of its replays
      // 1 − β ^ steps
      const correction = (beta: number) => steps.mul(Math.log(beta)).exp().neg().add(1).to(learningRate.dtype);
      scale(roots, correction(this.#beta2).sqrt().reciprocal());
      addScalar.run(roots, this.#epsilon);
      addList.run(parameters, scaled(quotients.tensors(means, roots), learningRate.div(correction(this.#beta1))), -1);
    }
  }

  /** Counts who rests, and updates the step count on the device, which a captured step increases at each replay. */
  protected override count(learningRate: number | Tensor, moving: readonly Moving[]): void {
    if (typeof learningRate === 'number') {
      this.#deviceSteps?.fill_(this.steps);
    } else {
      this.#deviceSteps ??= keep(zeros([], { dtype: 'float64', device: learningRate.device }).fill_(this.steps - 1));
      this.#deviceSteps.add_(1);
    }
    const moved = new Set(moving.map(({ name }) => name));
    this.#resting = [...this.#missed.keys()].filter((name) => !moved.has(name));
    this.#rest();
  }

  override replayed(): void {
    super.replayed();
    this.#rest();
  }

  #rest(): void {
    for (const name of this.#resting) this.#missed.set(name, this.missedBy(name) + 1);
    if (this.#resting.length > 0) this.#isStored = false;
  }

  protected override missedBy(name: string): number {
    return this.#missed.get(name)!;
  }

  override state(): NamedTensors {
    if (!this.#isStored)
      scope(() => noGrad(() => this.#missedStored.copy_(tensor(Float32Array.from(this.#missed.values())))));
    this.#isStored = true;
    return { ...super.state(), missed: this.#missedStored };
  }

  override check(state: NamedTensors): void {
    super.check({ missed: this.#missedStored, ...state }); // older states lack it
  }

  override load(state: NamedTensors, stepsTaken: number): void {
    scope(() => super.load({ missed: zerosLike(this.#missedStored), ...state }, stepsTaken));
    const missed = this.#missedStored.toArray();
    for (const [place, name] of [...this.#missed.keys()].entries()) this.#missed.set(name, Number(missed[place]));
    noGrad(() => this.#deviceSteps?.fill_(stepsTaken));
  }

  override dispose(): void {
    super.dispose();
    if (this.#deviceSteps) free([this.#deviceSteps]);
    this.#deviceSteps = undefined;
  }
}

/**
 * Scales all gradients so that their global norm is at most `maximum`. Returns the norm before as a tensor [], so that
 * the caller decides whether to wait for its value. It is not finite if a gradient is not.
 */
export function clipByGlobalNorm(parameters: readonly Tensor[] | TensorList, maximum: number): Tensor {
  const tensors = parameters instanceof TensorList ? parameters.tensors : parameters;
  if (areOnHost(tensors)) return noGrad(() => clipGradients.tensor(parameters, maximum));
  return scope(() =>
    noGrad(() => {
      const gradients = collectedGradients(tensors).filter((gradient) => gradient !== undefined);
      if (gradients.length === 0) return zeros([]);
      const norm = listNorm.tensor(gradients);
      const factor = norm.clamp(maximum).div(maximum).reciprocal(); // exactly 1 if nothing is clipped
      scale(gradients, factor);
      return norm;
    }),
  );
}

const areOnHost = ([first]: readonly Tensor[]) => first?.device === cpu;

const clipGradients = operator('nasnet::clip_gradients');
const momentumStep = operator('nasnet::momentum_step');
const addScalar = operator('aten::_foreach_add_', 'Scalar');
const addedScalar = operator('aten::_foreach_add', 'Scalar');
const addProduct = operator('aten::_foreach_addcmul_', 'Scalar');
const quotients = operator('aten::_foreach_div', 'List');
const addQuotient = operator('aten::_foreach_addcdiv_', 'Scalar');
const sqrt = operator('aten::_foreach_sqrt_');
const sqrtOf = operator('aten::_foreach_sqrt');

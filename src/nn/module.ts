// What holds named parameters and buffers: the layers and whole networks. A name is a path, `cell_0.block_1.weight`.

import { clearGradients } from '../engine/gradient.ts';
import { free, keep, noGrad } from '../engine/memory.ts';
import type { Tensor } from '../engine/tensor.ts';
import { InputError } from '../failure.ts';

export class Module {
  /** Whether batch norm, dropout and drop-path behave as in training. Set by `train`. */
  training = true;
  readonly #parameters = new Map<string, Tensor>();
  readonly #buffers = new Map<string, Tensor>();
  readonly #children: [name: string, module: Module][] = []; // several may have the empty name

  /** Registers a tensor that is learned. It outlives every scope. */
  protected parameter(name: string, tensor: Tensor): Tensor {
    tensor.requiresGrad = true;
    this.#parameters.set(name, keep(tensor));
    return tensor;
  }

  /** Registers a tensor that belongs to the state but is not learned, such as a moving mean. */
  protected buffer(name: string, tensor: Tensor): Tensor {
    this.#buffers.set(name, keep(tensor));
    return tensor;
  }

  /** Registers a part. An empty name adds the part's names as they are. */
  protected child<Child extends Module>(name: string, module: Child): Child {
    this.#children.push([name, module]);
    return module;
  }

  /** In the order of registration, children last. */
  namedParameters(): Map<string, Tensor> {
    return this.#collect((module) => module.#parameters);
  }

  namedBuffers(): Map<string, Tensor> {
    return this.#collect((module) => module.#buffers);
  }

  parameters(): Tensor[] {
    return [...this.namedParameters().values()];
  }

  /** Parameters and buffers by name: the tensors themselves, not copies. */
  stateDict(): Record<string, Tensor> {
    const state = new Map(this.namedParameters());
    for (const [name, tensor] of this.namedBuffers()) add(state, name, tensor);
    return Object.fromEntries(state);
  }

  /** Copies tensors by name into this module's. @throws InputError that names what is missing, unknown or of another shape */
  loadStateDict(state: Record<string, Tensor>): void {
    const own = this.stateDict();
    const missing = Object.keys(own).filter((name) => !Object.hasOwn(state, name));
    const unknown = Object.keys(state).filter((name) => !Object.hasOwn(own, name));
    if (missing.length > 0)
      throw new InputError(`weights: expected a tensor ${missing[0]}, got none (${missing.length} missing)`);
    if (unknown.length > 0)
      throw new InputError(`weights: expected no tensor ${unknown[0]} (${unknown.length} unknown)`);
    for (const [name, tensor] of Object.entries(own)) {
      const given = state[name]!;
      if (given.shape.join() !== tensor.shape.join()) {
        throw new InputError(`weights: ${name}: expected the shape [${tensor.shape}], got [${given.shape}]`);
      }
    }
    noGrad(() => {
      for (const [name, tensor] of Object.entries(own)) tensor.copy_(state[name]!);
    });
  }

  /** Switches this module and all its parts between training and evaluation. */
  train(training = true): this {
    this.training = training;
    for (const [, child] of this.#children) child.train(training);
    return this;
  }

  /** Forgets the gradients of all parameters. */
  zeroGrad(): void {
    clearGradients(this.parameters());
  }

  /** Frees all parameters and buffers: the module cannot be used any more. */
  dispose(): void {
    free(Object.values(this.stateDict()));
  }

  #collect(own: (module: Module) => Map<string, Tensor>, prefix = '', found = new Map<string, Tensor>()) {
    for (const [name, tensor] of own(this)) {
      add(found, prefix + name, tensor);
    }
    for (const [name, child] of this.#children) child.#collect(own, name === '' ? prefix : `${prefix}${name}.`, found);
    return found;
  }
}

function add(tensors: Map<string, Tensor>, name: string, tensor: Tensor): void {
  if (tensors.has(name)) throw new Error(`module: the name ${name} is given twice`);
  tensors.set(name, tensor);
}

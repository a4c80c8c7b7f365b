// The base class of layers and networks, with named parameters and buffers. A name is a path, `cell_0.block_1.weight`.

import { clearGradients } from '../engine/gradient.ts';
import { free, keep, noGrad } from '../engine/memory.ts';
import type { Tensor } from '../engine/tensor.ts';
import { InputError } from '../failure.ts';

/** The tensors that the modules under construction take in place of their own, in the order of construction. */
let shared: { parameters: Tensor[]; buffers: Tensor[] } | undefined;

/**
 * Builds a module whose parameters and buffers are the source's own tensors, not copies: the same layers with another
 * padding, for images of another size.
 * @throws Error if its names or shapes differ from the source's
 */
export function withTensorsOf<Built extends Module>(source: Module, build: () => Built): Built {
  const before = shared;
  shared = { parameters: source.parameters(), buffers: [...source.namedBuffers().values()] };
  try {
    const built = build();
    const [own, other] = [built.stateDict(), source.stateDict()];
    const names = Object.keys(other);
    if (Object.keys(own).length === names.length && names.every((name) => own[name] === other[name])) return built;
    throw new Error('withTensorsOf: expected the same layers as in the source');
  } finally {
    shared = before;
  }
}

function inPlaceOf(tensor: Tensor, others: Tensor[] | undefined): Tensor {
  if (!others) return tensor;
  const other = others.shift();
  if (other?.shape.join() !== tensor.shape.join())
    throw new Error(
      `withTensorsOf: expected a tensor of [${tensor.shape}], got ${other ? `[${other.shape}]` : 'none'}`,
    );
  tensor.dispose();
  return other;
}

export class Module {
  /** Whether batch norm, dropout and drop-path behave as in training. Set by `train`. */
  training = true;
  readonly #parameters = new Map<string, Tensor>();
  readonly #buffers = new Map<string, Tensor>();
  readonly #children: [name: string, module: Module][] = []; // several may have the empty name

  /** Registers a trainable tensor. It outlives every scope. */
  protected parameter(name: string, tensor: Tensor): Tensor {
    const own = inPlaceOf(tensor, shared?.parameters);
    if (own === tensor) tensor.requiresGrad = true;
    this.#parameters.set(name, keep(own));
    return own;
  }

  /** Registers a tensor that is part of the state but not trainable, such as a moving mean. */
  protected buffer(name: string, tensor: Tensor): Tensor {
    const own = inPlaceOf(tensor, shared?.buffers);
    this.#buffers.set(name, keep(own));
    return own;
  }

  /** Registers a child module. With an empty name its names get no prefix. */
  protected child<Child extends Module>(name: string, module: Child): Child {
    this.#children.push([name, module]);
    return module;
  }

  /** Returns parameters by name in the order of registration, those of children last. */
  namedParameters(): Map<string, Tensor> {
    return this.#collect((module) => module.#parameters);
  }

  namedBuffers(): Map<string, Tensor> {
    return this.#collect((module) => module.#buffers);
  }

  parameters(): Tensor[] {
    return [...this.namedParameters().values()];
  }

  /** Returns parameters and buffers by name: the tensors themselves, not copies. */
  stateDict(): Record<string, Tensor> {
    const state = new Map(this.namedParameters());
    for (const [name, tensor] of this.namedBuffers()) add(state, name, tensor);
    return Object.fromEntries(state);
  }

  /**
   * Copies tensors by name into this module. @throws InputError that names a missing or unknown tensor or a wrong shape
   */
  loadStateDict(state: Record<string, Tensor>): void {
    const own = this.stateDict();
    const missing = Object.keys(own).filter((name) => !Object.hasOwn(state, name));
    const unknown = Object.keys(state).filter((name) => !Object.hasOwn(own, name));
    if (missing.length > 0)
      throw new InputError(`weights: expected a tensor ${missing[0]}, got none (${missing.length} missing)`);
    if (unknown.length > 0)
      throw new InputError(`weights: expected no tensor ${unknown[0]} (${unknown.length} unknown)`);
    for (const [name, tensor] of Object.entries(own)) {
      const source = state[name]!;
      if (source.shape.join() !== tensor.shape.join()) {
        throw new InputError(`weights: ${name}: expected the shape [${tensor.shape}], got [${source.shape}]`);
      }
    }
    noGrad(() => {
      for (const [name, tensor] of Object.entries(own)) tensor.copy_(state[name]!);
    });
  }

  /** Sets training or evaluation mode of this module and its children. */
  train(training = true): this {
    this.training = training;
    for (const [, child] of this.#children) child.train(training);
    return this;
  }

  /** Clears the gradients of all parameters. */
  zeroGrad(): void {
    clearGradients(this.parameters());
  }

  /** Frees all parameters and buffers; the module cannot be used afterwards. */
  dispose(): void {
    free(Object.values(this.stateDict()));
  }

  #collect(own: (module: Module) => Map<string, Tensor>, prefix = '', result = new Map<string, Tensor>()) {
    for (const [name, tensor] of own(this)) {
      add(result, prefix + name, tensor);
    }
    for (const [name, child] of this.#children) child.#collect(own, name === '' ? prefix : `${prefix}${name}.`, result);
    return result;
  }
}

function add(tensors: Map<string, Tensor>, name: string, tensor: Tensor): void {
  if (tensors.has(name)) throw new Error(`module: the name ${name} is used twice`);
  tensors.set(name, tensor);
}

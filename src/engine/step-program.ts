// A training step's forward and backward in one native call (native/steps/): the operators of one step are observed
// while it runs as usual; later steps call the same kernels, with the same bits, without JavaScript and autograd.

import { addon } from './addon.ts';
import { Tensor } from './tensor.ts';

export interface Observed<Result> {
  result: Result;
  /** Undefined if a program cannot do the same in every step. */
  program: StepProgram | undefined;
}

const collector = new FinalizationRegistry<number>((number) => addon().releaseStep(number));

export class StepProgram {
  #number: number | undefined;

  private constructor(number: number) {
    this.#number = number;
    collector.register(this, number, this);
  }

  /**
   * Observes a forward pass.
   * @param inputs what differs from step to step
   * @param constants all other tensors that the pass reads: parameters, moving statistics
   * @param forward returns the loss, [], whose gradients the program adds, and what the program returns
   * @param sibling another program of the same training, with which this one shares the memory of gradients
   */
  static observe<Result extends { loss: Tensor; outputs: Tensor[] }>(
    inputs: readonly Tensor[],
    constants: readonly Tensor[],
    forward: () => Result,
    sibling?: StepProgram,
  ): Observed<Result> {
    const native = addon();
    const siblingNumber = sibling === undefined ? undefined : sibling.#number;
    native.observeStep(handlesOf(inputs), handlesOf(constants), siblingNumber);
    let result: Result | undefined;
    let number = -1;
    try {
      result = forward();
    } finally {
      number = native.createStep(result?.loss.handle, handlesOf(result?.outputs ?? []));
    }
    return { result, program: number < 0 ? undefined : new StepProgram(number) };
  }

  /**
   * Runs forward and backward, and adds to the gradients of the parameters.
   * @returns the outputs; undefined, and nothing is run, if the inputs have other shapes or layouts than those observed
   */
  run(inputs: readonly Tensor[]): Tensor[] | undefined {
    if (this.#number === undefined) throw new Error('The program was disposed: it cannot be run any more');
    const outputs = addon().runStep(this.#number, handlesOf(inputs));
    return outputs && Array.from(outputs, (handle) => Tensor.adopt(handle));
  }

  /** Frees its memory. Can be called twice. */
  [Symbol.dispose](): void {
    if (this.#number === undefined) return;
    collector.unregister(this);
    addon().releaseStep(this.#number);
    this.#number = undefined;
  }
}

const handlesOf = (tensors: readonly Tensor[]) => Int32Array.from(tensors, ({ handle }) => handle);

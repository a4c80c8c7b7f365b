// The programs of a training's steps (engine/step-program.ts), one for each shape of images. Decides which trainings
// have them; all others run operator by operator, to the same bits.

import { fuses } from '../engine/fused.ts';
import { StepProgram } from '../engine/step-program.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { Trainable } from './trainable.ts';

/** A training whose steps may be programs. */
interface Candidate {
  network: Trainable;
  classWeights?: Tensor | undefined;
  /** Present if replicas train the network together. */
  reduction?: object | undefined;
}

/** A part of a step after its forward pass. */
export interface PartForward {
  /** [], without the auxiliary head's. */
  loss: Tensor;
  /** [images, classes] */
  logits: Tensor;
}

/** Computes a part; `total` is the loss with the auxiliary head's, []. */
type Forward = () => PartForward & { total: Tensor };
type Backward = (total: Tensor) => void;

export class StepPrograms {
  /** The one that ran last is the first. */
  readonly #programs: { key: number; program: StepProgram }[] = [];
  /** The shapes of inputs for which there can be none. */
  readonly #impossible = new Set<string>();
  readonly #constants: readonly Tensor[];

  private constructor(constants: readonly Tensor[]) {
    this.#constants = constants;
  }

  /** Returns undefined for a training whose steps cannot be programs. */
  static of({ network, classWeights, reduction }: Candidate): StepPrograms | undefined {
    const state = Object.values(network.stateDict());
    const isFused = fuses({ device: network.device, dtype: state[0]!.dtype });
    if (!network.hasConstantSteps || reduction || !isFused) return undefined;
    return new StepPrograms([...state, ...(classWeights ? [classWeights] : [])]);
  }

  /**
   * Computes a part and adds its gradients: by its program, or by `forward` and `backward`, which are observed the
   * first time.
   * @param key a number that `forward` depends on besides the inputs
   */
  run(inputs: readonly Tensor[], key: number, forward: Forward, backward: Backward): PartForward {
    const found = this.#runProgram(inputs, key);
    if (found) return found;
    const shapes = JSON.stringify([key, ...inputs.map(({ shape, strides, dtype }) => [shape, strides, dtype])]);
    if (this.#impossible.has(shapes)) return plain(forward, backward);
    const observe = () => {
      const { loss, logits, total } = forward();
      return { loss: total, outputs: [loss, logits] };
    };
    const { result, program } = StepProgram.observe(inputs, this.#constants, observe, this.#programs[0]?.program);
    if (program) this.#programs.unshift({ key, program });
    else this.#impossible.add(shapes);
    backward(result.loss);
    return partOf(result.outputs);
  }

  #runProgram(inputs: readonly Tensor[], key: number): PartForward | undefined {
    for (const [index, each] of this.#programs.entries()) {
      const outputs = each.key === key ? each.program.run(inputs) : undefined;
      if (!outputs) continue;
      if (index > 0) this.#programs.unshift(...this.#programs.splice(index, 1));
      return partOf(outputs);
    }
    return undefined;
  }

  [Symbol.dispose](): void {
    for (const { program } of this.#programs) program[Symbol.dispose]();
    this.#programs.length = 0;
  }
}

const partOf = ([loss, logits]: readonly Tensor[]): PartForward => ({ loss: loss!, logits: logits! });

/** Computes a part operator by operator. */
export function plain(forward: Forward, backward: Backward): PartForward {
  const result = forward();
  backward(result.total);
  return result;
}

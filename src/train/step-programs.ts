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
  /** By the shapes of the inputs; null where there can be none. */
  readonly #programs = new Map<string, StepProgram | null>();
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
    const shapes = JSON.stringify([key, ...inputs.map(({ shape, strides, dtype }) => [shape, strides, dtype])]);
    const known = this.#programs.get(shapes);
    if (known) {
      const [loss, logits] = known.run(inputs) as [Tensor, Tensor];
      return { loss, logits };
    }
    if (known === null) return plain(forward, backward);
    const { result, program } = StepProgram.observe(inputs, this.#constants, () => {
      const { loss, logits, total } = forward();
      return { loss: total, outputs: [loss, logits] };
    });
    this.#programs.set(shapes, program ?? null);
    backward(result.loss);
    const [loss, logits] = result.outputs as [Tensor, Tensor];
    return { loss, logits };
  }

  [Symbol.dispose](): void {
    for (const program of this.#programs.values()) program?.[Symbol.dispose]();
    this.#programs.clear();
  }
}

/** Computes a part operator by operator. */
export function plain(forward: Forward, backward: Backward): PartForward {
  const result = forward();
  backward(result.total);
  return result;
}

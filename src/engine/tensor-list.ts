// A list of tensors that the native side knows by a number, for operators that take the same hundreds of tensors in
// every step: their handles are not looked up again. The tensors' memory lives as long as the list.

import { addon } from './addon.ts';
import type { Tensor } from './tensor.ts';

const collector = new FinalizationRegistry<number>((number) => addon().releaseList(number));

export class TensorList {
  readonly tensors: readonly Tensor[];
  #number: number | undefined;

  constructor(tensors: readonly Tensor[]) {
    this.tensors = tensors;
    this.#number = addon().createList(Int32Array.from(tensors, ({ handle }) => handle));
    collector.register(this, this.#number, this);
  }

  /** Its number on the native side. */
  get number(): number {
    if (this.#number === undefined) throw new Error('The list was disposed: no operator can read it any more');
    return this.#number;
  }

  /** Frees the list, not the tensors that others have. Can be called twice. */
  [Symbol.dispose](): void {
    if (this.#number === undefined) return;
    collector.unregister(this);
    addon().releaseList(this.#number);
    this.#number = undefined;
  }
}

// The moving average of a network's weights and moving statistics over the steps of its training (Polyak and Juditsky, 1992, in the
// exponential form that forgets). How fast it forgets is the caller's to say at every step.

import { free, keep, noGrad, scope } from '../engine/memory.ts';
import type { Tensor } from '../engine/tensor.ts';
import { InputError } from '../failure.ts';
import type { NamedTensors } from './optimizers.ts';
import { addList, differences, mulScalar, scale } from './tensor-lists.ts';

export class WeightAverage {
  readonly #values: NamedTensors;
  readonly #averages: NamedTensors;

  /** Begins with the values as they are; `values` is a network's stateDict. */
  constructor(values: NamedTensors) {
    this.#values = values;
    this.#averages = scope(() =>
      Object.fromEntries(Object.entries(values).map(([name, tensor]) => [name, keep(tensor.detach().clone())])),
    );
  }

  /** average ← average + share · (value − average); a share [] is read on its device. */
  add(share: number | Tensor): void {
    scope(() =>
      noGrad(() => {
        const averages = Object.values(this.#averages);
        const changes = differences.tensors(Object.values(this.#values), averages);
        if (typeof share === 'number') mulScalar.run(changes, share);
        else scale(changes, share);
        addList.run(averages, changes, 1);
      }),
    );
  }

  /** average ← value, to the bit */
  take(): void {
    noGrad(() => {
      for (const [name, average] of Object.entries(this.#averages)) average.copy_(this.#values[name]!);
    });
  }

  /** Puts the averages in the network and keeps its values here; once more undoes it to the bit. */
  swap(): void {
    scope(() =>
      noGrad(() => {
        for (const [name, average] of Object.entries(this.#averages)) {
          const value = this.#values[name]!;
          const before = value.detach().clone();
          value.copy_(average);
          average.copy_(before);
        }
      }),
    );
  }

  /** The averages by name: the tensors themselves. */
  state(): NamedTensors {
    return this.#averages;
  }

  /** @throws InputError that names what is missing or of another shape */
  check(state: NamedTensors): void {
    for (const [name, average] of Object.entries(this.#averages)) {
      const given = state[name];
      if (given?.shape.join() === average.shape.join()) continue;
      const got = given ? `[${given.shape}]` : 'none';
      throw new InputError(`averaged weights: ${name}: expected the shape [${average.shape}], got ${got}`);
    }
  }

  /** Copies saved averages into these. @throws InputError as `check` */
  load(state: NamedTensors): void {
    this.check(state);
    noGrad(() => {
      for (const [name, average] of Object.entries(this.#averages)) average.copy_(state[name]!);
    });
  }

  [Symbol.dispose](): void {
    free(Object.values(this.#averages));
  }
}

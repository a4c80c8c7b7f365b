// Exponential moving average of a network's weights and moving statistics over the steps of its training (after Polyak
// and Juditsky, 1992). The caller chooses the weight of the current values at every step.

import { free, keep, noGrad, scope } from '../engine/memory.ts';
import type { Tensor } from '../engine/tensor.ts';
import { TensorList } from '../engine/tensor-list.ts';
import { InputError } from '../failure.ts';
import type { NamedTensors } from './optimizers.ts';
import { addList, blendLists, differences, scale } from './tensor-lists.ts';

export class WeightAverage {
  readonly #values: NamedTensors;
  readonly #averages: NamedTensors;
  /** The averages and the values, in one order. */
  readonly #pairs: readonly [averages: TensorList, values: TensorList];

  /** Starts with the current values. @param values a network's stateDict */
  constructor(values: NamedTensors) {
    this.#values = values;
    this.#averages = scope(() =>
      Object.fromEntries(Object.entries(values).map(([name, tensor]) => [name, keep(tensor.detach().clone())])),
    );
    this.#pairs = [new TensorList(Object.values(this.#averages)), new TensorList(Object.values(values))];
  }

  /**
   * Updates the averages: average ← average + share · (value − average).
   * @param share 0 to 1; a tensor [] is read on its device
   */
  add(share: number | Tensor): void {
    scope(() =>
      noGrad(() => {
        const [averages, values] = this.#pairs;
        if (typeof share === 'number') {
          blendLists.run(averages, values, share);
          return;
        }
        const changes = differences.tensors(values, averages);
        scale(changes, share);
        addList.run(averages, changes, 1);
      }),
    );
  }

  /** Copies the network's values to the averages, to the bit. */
  take(): void {
    noGrad(() => {
      for (const [name, average] of Object.entries(this.#averages)) average.copy_(this.#values[name]!);
    });
  }

  /** Exchanges the averages and the network's values. A second call restores both exactly. */
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

  /** Returns the averages by name: the tensors themselves, not copies. */
  state(): NamedTensors {
    return this.#averages;
  }

  /** Checks that `load` accepts a state. @throws InputError that names a missing tensor or a wrong shape */
  check(state: NamedTensors): void {
    for (const [name, average] of Object.entries(this.#averages)) {
      const source = state[name];
      if (source?.shape.join() === average.shape.join()) continue;
      const got = source ? `[${source.shape}]` : 'none';
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
    for (const list of this.#pairs) list[Symbol.dispose]();
    free(Object.values(this.#averages));
  }
}

// The network of a detector without its classifier: features at named endpoints, of pictures of any size. Padding
// follows the size; all sizes share the weights.

import type { Tensor } from '../engine/tensor.ts';
import type { CellSettings } from '../model/cell.ts';
import { SharedRelus } from '../model/path.ts';
import { Trunk } from '../model/trunk.ts';
import { withoutInitialisation } from '../nn/initialise.ts';
import { Module, withTensorsOf } from '../nn/module.ts';
import { planTrunk, type TrunkOptions, type TrunkPlan } from '../plan/plan-trunk.ts';
import type { Architecture } from '../space/architecture.ts';

/** Sizes whose layers are kept. */
const mostSizes = 32;

interface Sized {
  plan: TrunkPlan;
  trunk: Trunk;
}

export class Backbone extends Module {
  readonly #architecture: Architecture;
  readonly #options: TrunkOptions;
  readonly #endpoints: readonly string[];
  readonly #settings: CellSettings;
  readonly #own: Sized;
  readonly #sized = new Map<string, Sized>();

  /**
   * @param options of the network; the input is the size of most pictures
   * @param endpoints `Stem`, `Cell_0`, `Reduction_Cell_0` …
   * @throws InputError as `planTrunk`
   */
  constructor(
    architecture: Architecture,
    options: TrunkOptions,
    endpoints: readonly string[],
    settings: CellSettings = {},
  ) {
    super();
    this.#architecture = architecture;
    this.#options = options;
    this.#endpoints = endpoints;
    this.#settings = settings;
    const plan = planTrunk(architecture, options, endpoints);
    this.#own = { plan, trunk: this.child('', new Trunk(plan, settings)) };
  }

  /**
   * Returns the features at the endpoints by name: [images, channels, height, width] in the network's precision.
   * @param images [images, 3, height, width] of any one size
   * @param progress fraction of training done, for ScheduledDropPath
   */
  forward(images: Tensor, progress = 0): Record<string, Tensor> {
    const [, , height, width] = images.shape as [number, number, number, number];
    const { plan, trunk } = this.#of(height, width);
    trunk.train(this.training);
    const results = trunk.forward(images, { progress, relus: new SharedRelus() });
    return Object.fromEntries(this.#endpoints.map((name) => [name, results.get(plan.resultOf[name]!)!]));
  }

  #of(height: number, width: number): Sized {
    const { input } = this.#options;
    if (Array.isArray(input) ? input[0] === height && input[1] === width : input === height && input === width)
      return this.#own;
    const key = `${height}x${width}`;
    const sized = this.#sized.get(key) ?? this.#build([height, width]);
    this.#sized.delete(key);
    this.#sized.set(key, sized); // the most recent is last
    if (this.#sized.size > mostSizes) this.#sized.delete(this.#sized.keys().next().value!);
    return sized;
  }

  #build(input: readonly [number, number]): Sized {
    const plan = planTrunk(this.#architecture, { ...this.#options, input }, this.#endpoints);
    const build = () => withoutInitialisation(() => new Trunk(plan, this.#settings));
    return { plan, trunk: withTensorsOf(this.#own.trunk, build) };
  }
}

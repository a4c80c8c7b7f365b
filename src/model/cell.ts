// One cell of a plan as a module: its inputs aligned, its blocks, the concatenation, paths dropped while training.

import { combine, concat } from '../engine/fused.ts';
import type { Generator } from '../engine/random.ts';
import { Tensor } from '../engine/tensor.ts';
import { Module } from '../nn/module.ts';
import type { BlockPlan, CellPlan, OperationPlan, StatePath } from '../space/plan-cell.ts';
import { dropPath, keepProbability, pathMasks } from './drop-path.ts';
import { imagesOf, Path, type PathSettings, type SharedRelus } from './path.ts';

export interface CellSettings extends PathSettings {
  /** ScheduledDropPath: the probability of keeping a path in the last cell at the end of the training. 1 turns it off. */
  dropPathKeep?: number;
  /** Draws the masks; absent: the engine's default generator. */
  generator?: Generator;
}

interface Operation {
  readonly state: number;
  readonly path: Path;
  /** Its row of the cell's masks; absent for identity, which is never dropped. */
  readonly mask: number | undefined;
}

export class NetworkCell extends Module {
  readonly #plan: CellPlan;
  readonly #settings: CellSettings;
  readonly #inputs: readonly { state: number; path: Path }[];
  readonly #blocks: readonly { left: Operation; right: Operation; plan: BlockPlan }[];
  readonly #output: readonly { state: number; path: Path }[];
  #masks = 0;

  constructor(plan: CellPlan, settings: CellSettings = {}) {
    super();
    this.#plan = plan;
    this.#settings = settings;
    const built = ({ state, layers }: StatePath) => ({ state, path: this.child('', new Path(layers, settings)) });
    const operation = (side: OperationPlan): Operation => {
      return { ...built(side), mask: side.dropPath ? this.#masks++ : undefined };
    };
    this.#inputs = plan.inputs.map(built);
    this.#blocks = plan.blocks.map((block) => {
      return { left: operation(block.left), right: operation(block.right), plan: block };
    });
    this.#output = plan.output.map(built);
  }

  /**
   * @param current h_i and @param previous h_{i-1}, [images, channels, height, width]; undefined where nothing reads it
   * @param progress share of the training that is done, 0 to 1
   * @returns [images, channels, height, width] of the plan's shape
   */
  forward(current: Tensor | undefined, previous: Tensor | undefined, relus: SharedRelus, progress: number): Tensor {
    const masks = this.#drawMasks((current ?? previous)!, progress);
    const states = [current, previous];
    for (const { state, path } of this.#inputs) states[state] = path.forward(states[state]!, relus);
    const run = ({ state, path, mask }: Operation) => {
      const result = path.run(states[state]!, relus);
      return masks && mask !== undefined ? dropPath(imagesOf(result), masks, mask) : result;
    };
    for (const { left, right, plan } of this.#blocks) {
      const [a, b] = [run(left), run(right)];
      if (plan.combine === 'concat') states[plan.state] = concat([imagesOf(a), imagesOf(b)]);
      else if (!(a instanceof Tensor && b instanceof Tensor)) states[plan.state] = combine(a, b);
      else if (left.path.makesNew) states[plan.state] = a.add_(b);
      else states[plan.state] = right.path.makesNew ? b.add_(a) : a.add(b);
    }
    const output = this.#output.map(({ state, path }) => path.forward(states[state]!, relus));
    return output.length === 1 ? output[0]! : concat(output);
  }

  #drawMasks(images: Tensor, progress: number): Tensor | undefined {
    if (!this.training || this.#masks === 0) return undefined;
    const { index, count } = this.#plan;
    const { dropPathKeep = 1, generator } = this.#settings;
    const keep = keepProbability(dropPathKeep, index, count, progress);
    return keep < 1 ? pathMasks(this.#masks, images, keep, generator) : undefined;
  }
}

// One cell of a plan as a module: aligned inputs, blocks, the concatenation, and drop-path in training.

import { combine, concat, fanOut, fusedOn } from '../engine/fused.ts';
import type { Generator } from '../engine/random.ts';
import { Tensor } from '../engine/tensor.ts';
import { Module } from '../nn/module.ts';
import type { BlockPlan, CellPlan, OperationPlan, StatePath } from '../plan/plan-cell.ts';
import { dropPath, keepProbability, pathMasks } from './drop-path.ts';
import { imagesOf, Path, type PathSettings, type SharedRelus } from './path.ts';

export interface CellSettings extends PathSettings {
  /**
   * ScheduledDropPath's probability of keeping a path in the last cell at the end of training. Default 1, which turns
   * it off.
   */
  dropPathKeep?: number;
  /** 'linear': every cell has the last one's probability (DARTS). Default: 'scheduled', by depth too (the paper). */
  dropPathRule?: 'scheduled' | 'linear';
  /** Generates the random masks. Default: the engine's default generator. */
  generator?: Generator;
}

interface Operation {
  readonly state: number;
  readonly path: Path;
  /** Its row in the cell's masks; undefined for identity, which is never dropped. */
  readonly mask: number | undefined;
}

export class NetworkCell extends Module {
  readonly #plan: CellPlan;
  readonly #settings: CellSettings;
  readonly #inputs: readonly { state: number; path: Path }[];
  readonly #blocks: readonly { left: Operation; right: Operation; after: Path; plan: BlockPlan }[];
  readonly #output: readonly { state: number; path: Path }[];
  /** The number of readers of each state. */
  readonly #readerCounts: number[] = [];
  #maskCount = 0;

  constructor(plan: CellPlan, settings: CellSettings = {}) {
    super();
    this.#plan = plan;
    this.#settings = settings;
    const build = ({ state, layers }: StatePath) => ({ state, path: this.child('', new Path(layers, settings)) });
    const operation = (side: OperationPlan): Operation => {
      return { ...build(side), mask: side.dropPath ? this.#maskCount++ : undefined };
    };
    this.#inputs = plan.inputs.map(build);
    this.#blocks = plan.blocks.map((block) => {
      const [left, right] = [operation(block.left), operation(block.right)];
      return { left, right, after: build(block).path, plan: block };
    });
    this.#output = plan.output.map(build);
    const sides = this.#blocks.flatMap(({ left, right }) => [left, right]);
    for (const { state } of [...sides, ...this.#output])
      this.#readerCounts[state] = (this.#readerCounts[state] ?? 0) + 1;
  }

  /**
   * Runs the cell.
   * @param sources the plan's sources [images, channels, height, width]; undefined if the cell does not read one
   * @param progress the fraction of training done, 0 to 1; float64 [] if only the device knows it
   * @returns the plan's results [images, channels, height, width]
   */
  forward(sources: readonly (Tensor | undefined)[], relus: SharedRelus, progress: number | Tensor): Tensor[] {
    const masks = this.#randomMasks(sources.find((source) => source !== undefined)!, progress);
    const states = [...sources];
    for (const { state, path } of this.#inputs) states[state] = path.forward(states[state]!, relus);
    const read = this.#readers(states);
    const run = ({ state, path, mask }: Operation) => {
      const result = path.run(read(state), relus);
      return masks && mask !== undefined ? dropPath(imagesOf(result), masks, mask) : result;
    };
    for (const { left, right, after, plan } of this.#blocks) {
      const [a, b] = [run(left), run(right)];
      if (plan.combine === 'concat') states[plan.state] = concat([imagesOf(a), imagesOf(b)]);
      else if (!(a instanceof Tensor && b instanceof Tensor)) states[plan.state] = combine(a, b);
      else if (left.path.createsTensor) states[plan.state] = a.add_(b);
      else states[plan.state] = right.path.createsTensor ? b.add_(a) : a.add(b);
      states[plan.state] = after.forward(states[plan.state]!, relus);
    }
    for (const { state, path } of this.#output) states[state] = path.forward(read(state), relus);
    return this.#plan.results.map((result) => {
      const parts = result.states.map((state) => states[state]!);
      return parts.length === 1 ? parts[0]! : concat(parts);
    });
  }

  /**
   * Returns a function that gives each reader of a state its view, so that all gradients of the state are added in one
   * pass.
   */
  #readers(states: readonly (Tensor | undefined)[]): (state: number) => Tensor {
    if (!fusedOn()) return (state) => states[state]!;
    const views = new Map<number, Tensor[]>();
    return (state) => {
      const unused = views.get(state) ?? fanOut(states[state]!, this.#readerCounts[state]!);
      views.set(state, unused);
      return unused.pop()!;
    };
  }

  #randomMasks(images: Tensor, progress: number | Tensor): Tensor | undefined {
    const { dropPathKeep = 1, dropPathRule = 'scheduled', generator } = this.#settings;
    if (!this.training || this.#maskCount === 0 || dropPathKeep === 1) return undefined;
    const { count } = this.#plan;
    const index = dropPathRule === 'linear' ? count - 1 : this.#plan.index;
    const keep = keepProbability(dropPathKeep, index, count, progress);
    return keep === 1 ? undefined : pathMasks(this.#maskCount, images, keep, generator);
  }
}

// The stem and the cells of a plan as a module: from images, or from results that are known already, to the results of
// every cell.

import type { Precision } from '../engine/device.ts';
import { fanOut, fusedOn } from '../engine/fused.ts';
import { scope } from '../engine/memory.ts';
import type { Tensor } from '../engine/tensor.ts';
import { Module } from '../nn/module.ts';
import type { Layer } from '../plan/layer.ts';
import type { CellPlan } from '../plan/plan-cell.ts';
import { type CellSettings, NetworkCell } from './cell.ts';
import { fusesUnits, Path, SharedRelus } from './path.ts';

/** The part of a plan that a trunk needs. */
export interface TrunkLayers {
  readonly stemName: string;
  readonly stem: readonly Layer[];
  readonly cells: readonly CellPlan[];
}

export interface TrunkOptions {
  /** Fraction of training done, 0 to 1; float64 [] if only the device knows it. */
  progress: number | Tensor;
  relus: SharedRelus;
}

export class Trunk extends Module {
  readonly #plan: TrunkLayers;
  readonly #precision: Precision;
  readonly #fused: boolean;
  readonly #stem: Path;
  readonly #cells: readonly NetworkCell[];

  constructor(plan: TrunkLayers, settings: CellSettings = {}) {
    super();
    this.#plan = plan;
    this.#precision = settings.precision ?? 'float32';
    this.#fused = fusesUnits(settings);
    this.#stem = this.child('', new Path(plan.stem, settings));
    this.#cells = plan.cells.map((cell) => this.child('', new NetworkCell(cell, settings)));
  }

  /** Returns the results of the stem and of every cell by name; images are [images, channels, height, width]. */
  forward(images: Tensor, options: TrunkOptions): Map<string, Tensor> {
    const stem = this.#stem.forward(this.#toInput(images), options.relus);
    return this.behind(new Map([[this.#plan.stemName, stem]]), options);
  }

  /** Returns these results with those of every cell added. */
  behind(known: ReadonlyMap<string, Tensor>, { progress, relus }: TrunkOptions): Map<string, Tensor> {
    // A scope frees a cell's intermediate results, which take 0.8 GB per image in NASNet-A large; in training those
    // that backward does not need. Without units cells share ReLUs then.
    const run = <Result>(cell: (shared: SharedRelus) => Result): Result =>
      this.training && !this.#fused ? cell(relus) : scope(() => cell(new SharedRelus()));
    const all = new Map(known);
    const read = this.#readers(all);
    this.#plan.cells.forEach(({ sources, results }, index) => {
      const inputs = sources.map(read);
      const outputs = run((shared) => this.#cells[index]!.forward(inputs, shared, progress));
      for (const [place, { name }] of results.entries()) all.set(name, outputs[place]!);
    });
    return all;
  }

  /**
   * Returns a function that gives each cell its view of a result, so that the result's gradients are added in one pass.
   * One more view, for the map, is for whatever else reads it.
   */
  #readers(all: Map<string, Tensor>): (name: string) => Tensor | undefined {
    if (!fusedOn()) return (name) => all.get(name);
    const counts = new Map<string, number>();
    for (const name of this.#plan.cells.flatMap(({ sources }) => sources))
      counts.set(name, (counts.get(name) ?? 0) + 1);
    const views = new Map<string, Tensor[]>();
    return (name) => {
      const result = all.get(name);
      if (result && !views.has(name)) {
        const [rest, ...own] = fanOut(result, counts.get(name)! + 1);
        views.set(name, own);
        all.set(name, rest!);
      }
      return views.get(name)?.pop();
    };
  }

  #toInput(images: Tensor): Tensor {
    return (this.#precision === 'float32' ? images : images.to(this.#precision)).contiguous('channels_last');
  }
}

// Lays out a sequence of cells, or a part of it, from results whose shapes are known.

import type { Architecture } from '../space/architecture.ts';
import type { Slot } from './cell-sequence.ts';
import type { Shape } from './layer.ts';
import type { BatchNormSettings } from './layer-path.ts';
import { type CellPlan, planCell } from './plan-cell.ts';

export interface CellsToLay {
  /** The shapes of the results that the first of these cells read. */
  readonly known: Iterable<readonly [name: string, shape: Shape]>;
  /** The names of the results that are read. */
  readonly needed: ReadonlySet<string>;
  readonly norm: BatchNormSettings;
  /** The first of these cells to lay out, by its place in the network. Default 0. */
  readonly from?: number;
}

/** Returns the plans of the cells whose results are needed, and the shapes of all results. */
export function layCells(
  architecture: Architecture,
  slots: readonly Slot[],
  { known, needed, norm, from = 0 }: CellsToLay,
): { cells: CellPlan[]; shapes: Map<string, Shape> } {
  const shapes = new Map(known);
  const cells: CellPlan[] = [];
  slots.slice(from).forEach((slot, place) => {
    const sources = slot.sources.map((name) => (name === undefined ? undefined : { name, shape: shapes.get(name)! }));
    const index = from + place;
    const count = slots.length;
    const own = architecture.operations;
    const cell = planCell(architecture[slot.kind], { ...slot, index, count, norm, sources, needed, own });
    for (const [name, shape] of cell.shapes) shapes.set(name, shape);
    if (cell.plan.results.length > 0) cells.push(cell.plan);
  });
  return { cells, shapes };
}

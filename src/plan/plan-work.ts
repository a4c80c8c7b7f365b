// How much work a plan's network is for one image, in the few numbers that its time and its memory on a machine depend on. Plain
// arithmetic over the layers; what a machine takes for it is learnt elsewhere (forecast/prediction.ts).

import type { Layer, Shape } from './layer.ts';
import { countElements, layerMultiplyAdds } from './layer-cost.ts';
import { type Plan, planParameters } from './plan.ts';
import { type CellPlan, cellLayers } from './plan-cell.ts';

/** One image, once forward. */
export interface Work {
  /** Multiply-adds of convolutions over all channels, and of linear layers. */
  dense: number;
  /** Multiply-adds of depthwise convolutions; the windows of pools count alike. */
  windowed: number;
  /** Numbers in the results that are written to memory: the engine fuses ReLU, depthwise, 1×1 and batch norm into one. */
  results: number;
  /** Operators called, whatever the number of images. */
  operators: number;
}

/** With the auxiliary head, where the plan has one. */
export function planWork(plan: Plan): Work {
  const layers = [...plan.stem, ...plan.cells.flatMap(cellLayers), ...plan.head, ...(plan.auxiliary?.layers ?? [])];
  return sum([...layers.map(layerWork), ...plan.cells.map(joiningWork)]);
}

/** Numbers in the network's weights, moving statistics and auxiliary head included. */
export function weightCount(plan: Plan): number {
  return countElements(planParameters(plan), { statistics: true });
}

/** Numbers that one image's evaluation holds at most: the results of all cells, and all that the largest cell makes on its way. */
export function heldInEvaluation(plan: Plan): number {
  const cells = plan.cells.map((cell) => sum([...cellLayers(cell).map(layerWork), joiningWork(cell)]).results);
  return plan.cells.reduce((total, { shape }) => total + elements(shape), 0) + Math.max(...cells);
}

function layerWork(layer: Layer): Work {
  const results = elements(layer.output);
  switch (layer.kind) {
    case 'convolution':
      return layer.groups === 1
        ? { dense: layerMultiplyAdds(layer), windowed: 0, results, operators: 1 }
        : { dense: 0, windowed: layerMultiplyAdds(layer), results: 0, operators: 0 }; // part of the 1×1 after it
    case 'linear':
      return { dense: layerMultiplyAdds(layer), windowed: 0, results, operators: 1 };
    case 'max-pool':
    case 'average-pool':
      return { dense: 0, windowed: results * layer.kernel[0] * layer.kernel[1], results, operators: 1 };
    case 'layer-norm':
    case 'instance-norm':
    case 'global-average-pool':
      return { dense: 0, windowed: 0, results, operators: 1 };
    case 'branches':
      return sum([...layer.branches.flat().map(layerWork), { dense: 0, windowed: 0, results, operators: 1 }]);
    case 'relu':
    case 'batch-norm':
    case 'dropout': // part of what stands before or after it
      return nothing;
  }
}

/** Sums and concatenations of a cell, which are no layers of their own. */
function joiningWork({ blocks, shape, filters, results }: CellPlan): Work {
  const pixels = shape[0] * shape[1];
  const states = blocks.reduce((count, { combine }) => count + pixels * filters * (combine === 'concat' ? 2 : 1), 0);
  const concatenated = results.filter(({ states: parts }) => parts.length > 1).length;
  const joined = blocks.length + concatenated;
  return { dense: 0, windowed: 0, results: states + concatenated * elements(shape), operators: joined };
}

const nothing: Work = { dense: 0, windowed: 0, results: 0, operators: 0 };

const elements = (shape: Shape) => shape[0] * shape[1] * shape[2];

function sum(parts: readonly Work[]): Work {
  return parts.reduce((total, part) => {
    return {
      dense: total.dense + part.dense,
      windowed: total.windowed + part.windowed,
      results: total.results + part.results,
      operators: total.operators + part.operators,
    };
  }, nothing);
}

// The work of a plan's network for one image, in the few numbers that determine its time and memory on a machine. Plain
// arithmetic over the layers; forecast/prediction.ts learns what a machine needs for it.

import type { Layer, Shape } from './layer.ts';
import { countElements, layerMultiplyAdds } from './layer-cost.ts';
import { type Plan, planParameters } from './plan.ts';
import { type CellPlan, cellLayers } from './plan-cell.ts';

/** The work of one forward pass of one image. */
export interface Work {
  /** Multiply-adds of convolutions over all channels, and of linear layers. */
  dense: number;
  /** Multiply-adds of depthwise convolutions, and the elements in the windows of pools. */
  windowed: number;
  /**
   * Elements of the results that are written to memory: the engine fuses ReLU, depthwise, 1×1 and batch norm into one
   * operator.
   */
  results: number;
  /** Operator calls, independent of the number of images. */
  operators: number;
}

/** Returns the work of the network, including the auxiliary head if the plan has one. */
export function planWork(plan: Plan): Work {
  const layers = [...plan.stem, ...plan.cells.flatMap(cellLayers), ...plan.head, ...(plan.auxiliary?.layers ?? [])];
  return sum([...layers.map(layerWork), ...plan.cells.map(combinerWork)]);
}

/** Returns the number of weights, including moving statistics and the auxiliary head. */
export function weightCount(plan: Plan): number {
  return countElements(planParameters(plan), { statistics: true });
}

/**
 * Returns the peak number of elements in memory when one image is evaluated: the results of all cells, and all
 * intermediate results of the largest cell.
 */
export function peakEvaluationElements(plan: Plan): number {
  const cells = plan.cells.map((cell) => sum([...cellLayers(cell).map(layerWork), combinerWork(cell)]).results);
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
    case 'dropout': // fused into the layer before or after it
      return noWork;
  }
}

/** Returns the work of a cell's additions and concatenations, which are not layers. */
function combinerWork({ blocks, shape, filters, results }: CellPlan): Work {
  const pixels = shape[0] * shape[1];
  const states = blocks.reduce((count, { combine }) => count + pixels * filters * (combine === 'concat' ? 2 : 1), 0);
  const concatenated = results.filter(({ states: parts }) => parts.length > 1).length;
  const operators = blocks.length + concatenated;
  return { dense: 0, windowed: 0, results: states + concatenated * elements(shape), operators };
}

const noWork: Work = { dense: 0, windowed: 0, results: 0, operators: 0 };

const elements = (shape: Shape) => shape[0] * shape[1] * shape[2];

function sum(parts: readonly Work[]): Work {
  return parts.reduce((total, part) => {
    return {
      dense: total.dense + part.dense,
      windowed: total.windowed + part.windowed,
      results: total.results + part.results,
      operators: total.operators + part.operators,
    };
  }, noWork);
}

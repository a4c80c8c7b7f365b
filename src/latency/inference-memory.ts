// Predicts how much memory an inference needs from the plan, so that one that does not fit is not started.

import type { Layer } from '../plan/layer.ts';
import { countElements } from '../plan/layer-cost.ts';
import { type Plan, planParameters } from '../plan/plan.ts';
import { cellLayers } from '../plan/plan-cell.ts';
import { sum } from '../statistics/order.ts';
import type { Runtime } from './runtime.ts';

const bytesPerNumber = 4; // float32

/** Copies of the weights in memory: the file and onnxruntime's own. 4.2 were measured. */
const onnxCopies = 5;

/**
 * Returns an upper bound in bytes for one forward pass of `batch` images. Our engine keeps every cell's result until
 * the end and the results of a cell's layers while that cell runs; onnxruntime keeps only one cell and its inputs.
 */
export function inferenceBytes(plan: Plan, batch: number, runtime: Runtime): number {
  const weights = countElements(planParameters(plan), { statistics: true });
  const image = elements(plan.input);
  const cells = plan.cells.map((cell) => results(cellLayers(cell)) + elements(cell.shape)); // plus the concatenation
  const parts = [results(plan.stem), ...cells, results(plan.head)];
  if (runtime === 'nasnet') {
    const cellResults = sum(plan.cells.map(({ shape }) => elements(shape)));
    return bytesPerNumber * (weights + batch * (image + cellResults + Math.max(...parts)));
  }
  const read = Math.max(image, ...plan.cells.map(({ shape }) => 2 * elements(shape)));
  return bytesPerNumber * (onnxCopies * weights + batch * (read + Math.max(...parts)));
}

const elements = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);

/** Returns the number of elements in the results of all layers, for one image. */
function results(layers: readonly Layer[]): number {
  return sum(
    layers.map((layer) => elements(layer.output) + (layer.kind === 'branches' ? results(layer.branches.flat()) : 0)),
  );
}

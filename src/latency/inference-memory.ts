// How much memory an inference needs, foretold from the plan: it is better to say so than to be killed.

import type { Layer } from '../plan/layer.ts';
import { countElements } from '../plan/layer-cost.ts';
import { type Plan, planParameters } from '../plan/plan.ts';
import { cellLayers } from '../plan/plan-cell.ts';
import { sum } from '../statistics/order.ts';
import type { Runtime } from './runtime.ts';

const bytesPerNumber = 4; // float32

/** What the file in memory and onnxruntime's own copies of the weights take; 4.2 were seen. */
const onnxCopies = 5;

/**
 * Bytes at most for one forward pass of `batch` images. Our engine keeps every cell's result to the end and the results of a
 * cell's layers while it is computed, onnxruntime only what is still read: one cell with what it reads.
 */
export function inferenceBytes(plan: Plan, batch: number, runtime: Runtime): number {
  const weights = countElements(planParameters(plan), { statistics: true });
  const image = elements(plan.input);
  const cells = plan.cells.map((cell) => results(cellLayers(cell)) + elements(cell.shape)); // concatenated last
  const parts = [results(plan.stem), ...cells, results(plan.head)];
  if (runtime === 'nasnet') {
    const kept = sum(plan.cells.map(({ shape }) => elements(shape)));
    return bytesPerNumber * (weights + batch * (image + kept + Math.max(...parts)));
  }
  const read = Math.max(image, ...plan.cells.map(({ shape }) => 2 * elements(shape)));
  return bytesPerNumber * (onnxCopies * weights + batch * (read + Math.max(...parts)));
}

const elements = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);

/** Numbers in the results of all layers, for one image. */
function results(layers: readonly Layer[]): number {
  return sum(
    layers.map((layer) => elements(layer.output) + (layer.kind === 'branches' ? results(layer.branches.flat()) : 0)),
  );
}

// How much memory an inference needs, foretold from the plan: it is better to say so than to be killed.

import { countElements } from '../space/layer-cost.ts';
import type { Layer } from '../space/layers.ts';
import { type Plan, planParameters } from '../space/plan.ts';

const bytesPerNumber = 4; // float32

/**
 * Bytes at most for one forward pass of `batch` images and the weights: no layer's result is freed before the pass ends, and
 * some layers work in place of the one before.
 */
export function inferenceBytes(plan: Plan, batch: number): number {
  const weights = countElements(planParameters(plan), { statistics: true });
  const [height, width, channels] = plan.input;
  const results = [plan.stem, ...plan.cells.map(cellLayers), plan.head].flat().reduce(sumOfResults, 0);
  const concatenated = plan.cells.reduce((sum, { shape }) => sum + elements(shape), 0);
  return bytesPerNumber * (weights + batch * (height * width * channels + results + concatenated));
}

const elements = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);

function sumOfResults(sum: number, layer: Layer): number {
  const within = layer.kind === 'branches' ? layer.branches.flat().reduce(sumOfResults, 0) : 0;
  return sum + within + elements(layer.output);
}

function cellLayers({ inputs, blocks, output }: Plan['cells'][number]): Layer[] {
  return [...inputs, ...blocks.flatMap(({ left, right }) => [left, right]), ...output].flatMap(({ layers }) => layers);
}

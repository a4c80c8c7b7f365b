// How parameters start. All draw from the engine's default generator, so `manualSeed` decides them.

import { noGrad, scope } from '../engine/memory.ts';
import { operator } from '../engine/operator.ts';
import type { Tensor } from '../engine/tensor.ts';

/** Fills a tensor in place. */
export type Initialiser = (tensor: Tensor) => void;

let drawing = true;

/**
 * Leaves the weights that `build` makes without values, for those that are loaded next: drawing NASNet-A large's 89 million
 * takes 8 s. The generator stays as it was.
 */
export function withoutDrawing<Built>(build: () => Built): Built {
  const before = drawing;
  drawing = false;
  try {
    return build();
  } finally {
    drawing = before;
  }
}

/** The same tensor, filled. */
export function initialised(tensor: Tensor, initialiser: Initialiser): Tensor {
  if (!drawing) return tensor;
  scope(() => noGrad(() => initialiser(tensor)));
  return tensor;
}

/** Normal around 0, cut at two deviations; `deviation` is that of the normal before the cut. */
export const truncatedNormal =
  (deviation: number): Initialiser =>
  (tensor) => {
    const inside = 0.9544997361036416; // probability of ± 2 deviations
    uniform_.run(tensor, -inside, inside);
    erfinv_.run(tensor);
    tensor.mul_(Math.SQRT2 * deviation).clamp_(-2 * deviation, 2 * deviation);
  };

/** He initialisation as TensorFlow-Slim has it: truncated normal of deviation √(1.3 · 2 / fan in). */
export const varianceScaling = (fanIn: number): Initialiser => truncatedNormal(Math.sqrt((1.3 * 2) / fanIn));

const uniform_ = operator('aten::uniform_');
const erfinv_ = operator('aten::erfinv_');

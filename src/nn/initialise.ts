// Initialisers of parameters. They use the engine's default generator, so `manualSeed` determines the values.

import { noGrad, scope } from '../engine/memory.ts';
import { operator } from '../engine/operator.ts';
import type { Tensor } from '../engine/tensor.ts';

/** Fills a tensor in place. */
export type Initialiser = (tensor: Tensor) => void;

let isEnabled = true;

/**
 * Runs `build` without initialising the weights that it creates, for networks whose weights are loaded next: sampling
 * NASNet-A large's 89 million takes 8 s. The generator's state does not change.
 */
export function withoutInitialisation<Built>(build: () => Built): Built {
  const before = isEnabled;
  isEnabled = false;
  try {
    return build();
  } finally {
    isEnabled = before;
  }
}

/** Fills a tensor and returns it. */
export function initialised(tensor: Tensor, initialiser: Initialiser): Tensor {
  if (!isEnabled) return tensor;
  scope(() => noGrad(() => initialiser(tensor)));
  return tensor;
}

/** Normal with mean 0, truncated at two standard deviations; `deviation` is that before truncation. */
export const truncatedNormal =
  (deviation: number): Initialiser =>
  (tensor) => {
    const inside = 0.9544997361036416; // probability of ± 2 deviations
    uniform_.run(tensor, -inside, inside);
    erfinv_.run(tensor);
    tensor.mul_(Math.SQRT2 * deviation).clamp_(-2 * deviation, 2 * deviation);
  };

/** He initialisation of TensorFlow-Slim: truncated normal with standard deviation √(1.3 · 2 / fan in). */
export const varianceScaling = (fanIn: number): Initialiser => truncatedNormal(Math.sqrt((1.3 * 2) / fanIn));

const uniform_ = operator('aten::uniform_');
const erfinv_ = operator('aten::erfinv_');

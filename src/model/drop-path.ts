// ScheduledDropPath (paper, section 3; schedule and mask as released): training drops whole paths of a cell for single
// images, more often in later cells and towards the end of training.

import { rand } from '../engine/create.ts';
import type { Generator } from '../engine/random.ts';
import type { Tensor } from '../engine/tensor.ts';

/**
 * Returns the probability of keeping a path in cell `index` (from 0) of `count`: 1 at the start, then linear in
 * `progress` (step / total steps, at most 1) to 1 − (index + 1) / count · (1 − finalKeep). If `progress` is a float64
 * [] tensor on a device, so is the result.
 */
export function keepProbability<Progress extends number | Tensor>(
  finalKeep: number,
  index: number,
  count: number,
  progress: Progress,
): Progress;
export function keepProbability(finalKeep: number, index: number, count: number, progress: number | Tensor) {
  const keepAtEnd = 1 - ((index + 1) / count) * (1 - finalKeep);
  if (typeof progress === 'number') return 1 - Math.min(progress, 1) * (1 - keepAtEnd);
  return progress
    .clamp(undefined, 1)
    .mul(1 - keepAtEnd)
    .neg()
    .add(1);
}

/**
 * Returns random masks for all paths of one cell: for each path and image 1 / keep with probability keep, otherwise 0,
 * which preserves the expectation.
 * @param keep a number, or float64 [] on the images' device
 * @returns [paths, images], with the images' dtype and device
 */
export function pathMasks(paths: number, images: Tensor, keep: number | Tensor, generator?: Generator): Tensor {
  const random = rand([paths, images.shape[0]!], { device: images.device, ...(generator && { generator }) });
  const probability = typeof keep === 'number' ? keep : keep.to('float32');
  return random.add_(probability).floor().div(probability).to(images.dtype);
}

/** Applies a path's mask to its result. `masks` [paths, images], `result` [images, channels, height, width]. */
export function dropPath(result: Tensor, masks: Tensor, path: number): Tensor {
  return result.mul(masks.select(0, path).reshape([-1, 1, 1, 1]));
}

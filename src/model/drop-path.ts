// ScheduledDropPath (paper, section 3; schedule and mask as released): while training, whole paths of a cell are dropped
// for single images, more often in later cells and towards the end of the training.

import { rand } from '../engine/create.ts';
import type { Generator } from '../engine/random.ts';
import type { Tensor } from '../engine/tensor.ts';

/**
 * The probability of keeping a path in cell `index` (from 0) of `count`: 1 in the beginning, from there linear in
 * `progress` (step / total steps, at most 1) to 1 − (index + 1) / count · (1 − finalKeep). A progress that only the device knows,
 * float64 [], gives the same number there.
 */
export function keepProbability<Progress extends number | Tensor>(
  finalKeep: number,
  index: number,
  count: number,
  progress: Progress,
): Progress;
export function keepProbability(finalKeep: number, index: number, count: number, progress: number | Tensor) {
  const atTheEnd = 1 - ((index + 1) / count) * (1 - finalKeep);
  if (typeof progress === 'number') return 1 - Math.min(progress, 1) * (1 - atTheEnd);
  return progress
    .clamp(undefined, 1)
    .mul(1 - atTheEnd)
    .neg()
    .add(1);
}

/**
 * Masks for all paths of one cell at once: 1 / keep with probability keep, else 0, for each path and image, so that a
 * masked path keeps its expectation.
 * @param keep a number, or float64 [] on the images' device
 * @returns [paths, images], of the images' dtype and device
 */
export function pathMasks(paths: number, images: Tensor, keep: number | Tensor, generator?: Generator): Tensor {
  const drawn = rand([paths, images.shape[0]!], { device: images.device, ...(generator && { generator }) });
  const kept = typeof keep === 'number' ? keep : keep.to('float32');
  return drawn.add_(kept).floor().div(kept).to(images.dtype);
}

/** A path's result with its own mask. `masks` [paths, images], `result` [images, channels, height, width]. */
export function dropPath(result: Tensor, masks: Tensor, path: number): Tensor {
  return result.mul(masks.select(0, path).reshape([-1, 1, 1, 1]));
}

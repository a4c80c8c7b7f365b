// Boxes as offsets from other boxes (Ren et al., 2015): the centre's in units of the other's sides, and the logarithms
// of the sides' ratios, each times its factor.

import { tensor } from '../engine/create.ts';
import { minimum, stack } from '../engine/operators.ts';
import type { Tensor } from '../engine/tensor.ts';
import { regionRules } from './detector-settings.ts';

const [acrossFactor, downFactor, wideFactor, highFactor] = regionRules.coder;
/** A side may become this many times longer, so that an exponential does not overflow (torchvision). */
const mostGrowth = Math.log(1000 / 16);
/** So that a box without width or height has an offset. */
const leastSide = 1e-3;

/** Writes the offsets of `box` from `from` to `target`; boxes x1, y1, x2, y2 at these places of their arrays. */
export function encodeBox(
  box: ArrayLike<number>,
  at: number,
  from: ArrayLike<number>,
  fromAt: number,
  target: Float32Array,
  targetAt: number,
): void {
  const side = (boxes: ArrayLike<number>, place: number, axis: number) =>
    Math.max(boxes[place + axis + 2]! - boxes[place + axis]!, leastSide);
  const centre = (boxes: ArrayLike<number>, place: number, axis: number) =>
    (boxes[place + axis]! + boxes[place + axis + 2]!) / 2;
  const offset = (axis: number) => (centre(box, at, axis) - centre(from, fromAt, axis)) / side(from, fromAt, axis);
  const growth = (axis: number) => Math.log(side(box, at, axis) / side(from, fromAt, axis));
  target[targetAt] = acrossFactor * offset(0);
  target[targetAt + 1] = downFactor * offset(1);
  target[targetAt + 2] = wideFactor * growth(0);
  target[targetAt + 3] = highFactor * growth(1);
}

/** Returns the boxes [.., 4] that offsets [.., 4] from boxes [.., 4] stand for. */
export function decodeBoxes(offsets: Tensor, from: Tensor): Tensor {
  const last = (tensor: Tensor, index: number) => tensor.select(tensor.shape.length - 1, index);
  const axis = (low: number, centreFactor: number, growthFactor: number) => {
    const side = last(from, low + 2).sub(last(from, low));
    const centre = last(from, low).add(side.div(2)).add(last(offsets, low).div(centreFactor).mul(side));
    const half = last(offsets, low + 2)
      .div(growthFactor)
      .clamp(undefined, mostGrowth)
      .exp()
      .mul(side)
      .div(2);
    return [centre.sub(half), centre.add(half)] as const;
  };
  const [x1, x2] = axis(0, acrossFactor, wideFactor);
  const [y1, y2] = axis(1, downFactor, highFactor);
  return stack([x1, y1, x2, y2], -1);
}

/** Returns boxes [pictures, n, 4] within [0, width] × [0, height] of their pictures. */
export function clipBoxes(boxes: Tensor, extents: readonly (readonly [height: number, width: number])[]): Tensor {
  const limits = extents.flatMap(([height, width]) => [width, height, width, height]);
  return minimum(boxes.clamp(0), tensor(limits, [extents.length, 1, 4], { dtype: boxes.dtype, device: boxes.device }));
}

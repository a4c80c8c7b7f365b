// What a training image goes through (paper, appendix A.1): enlarged to 40 × 40, a random 32 × 32 crop, a random flip, and cutout where
// asked for. All images of a batch at once; the random numbers come from the stream that is given.

import { arange, tensor } from '../engine/create.ts';
import { scope } from '../engine/memory.ts';
import { operator } from '../engine/operator.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { RandomStream } from '../random/stream.ts';
import { indexTensor, type Whitening, whiten } from './whitening.ts';

export interface Augmentation {
  /** The image is enlarged by this factor, then cropped back to its size at a random place; 1 leaves it. */
  enlarge: number;
  /** Mirrors half of the images, left to right. */
  flip: boolean;
  /** Side in pixels of the square that is blanked around a random pixel (DeVries and Taylor, 2017); 0 for none. */
  cutout: number;
}

/**
 * Bytes uint8 [images, 3, size, size] to whitened and augmented pixels float32 of the same shape in channels_last. Every image
 * draws for itself: its flip, the place of its crop, the centre of its cutout, in this order for the whole batch.
 */
export function augment(images: Tensor, whitening: Whitening, options: Augmentation, random: RandomStream): Tensor {
  return scope(() => {
    const size = images.shape[2]!;
    const mirrored = options.flip ? flipHalf(images, random) : images;
    const enlarged = enlarge(mirrored.to('float32'), Math.round(options.enlarge * size));
    const cropped = enlarged.shape[2] === size ? enlarged : cropAnywhere(enlarged, size, random);
    const whitened = whiten(cropped, whitening);
    if (options.cutout > 0) whitened.mul_(cutoutMask(images, options.cutout, random)); // 0 is the mean now
    return whitened.contiguous('channels_last');
  });
}

/** The images, each mirrored left to right with probability one half. */
function flipHalf(images: Tensor, random: RandomStream): Tensor {
  const chosen = Uint8Array.from({ length: images.shape[0]! }, () => random.integer(2));
  const mask = tensor(chosen, [chosen.length, 1, 1, 1], { dtype: 'bool', device: images.device });
  return where.tensor(mask, images.flip([3]), images);
}

/** Bilinear, corners not aligned: the pixel y of the result lies at (y + ½) · size / side − ½ in the image, edges are repeated. */
export function enlarge(pixels: Tensor, side: number): Tensor {
  return side === pixels.shape[2] ? pixels : upsampleBilinear.tensor(pixels, [side, side], false, undefined, undefined);
}

/** A random size × size part of every image. */
function cropAnywhere(pixels: Tensor, size: number, random: RandomStream): Tensor {
  const [count, , height, width] = pixels.shape;
  const places = (most: number) =>
    indexTensor(
      Int32Array.from({ length: count! }, () => random.integer(most)),
      pixels.device,
    );
  const rows = places(height! - size + 1);
  const columns = places(width! - size + 1);
  const every = arange(0, count!, 1, { device: pixels.device });
  const windows = unfold.tensor(unfold.tensor(pixels, 2, size, 1), 3, size, 1); // a view [images, 3, rows, columns, size, size]
  return index.tensor(windows, [every, undefined, rows, columns]); // [images, 3, size, size]
}

/** 0 in the square around a random pixel, as far as it lies in the image, and 1 elsewhere: float32 [images, 1, height, width]. */
function cutoutMask(images: Tensor, side: number, random: RandomStream): Tensor {
  const [count, , height, width] = images.shape;
  const line = (length: number) => {
    const inside = new Float32Array(count! * length);
    for (let image = 0; image < count!; image++) {
      const start = random.integer(length) - Math.floor(side / 2);
      inside.fill(1, image * length + Math.max(0, start), image * length + Math.max(0, Math.min(length, start + side)));
    }
    return inside;
  };
  const rows = tensor(line(height!), [count!, 1, height!, 1], { device: images.device });
  const columns = tensor(line(width!), [count!, 1, 1, width!], { device: images.device });
  return rows.mul(columns).neg().add_(1);
}

const where = operator('aten::where', 'self');
const index = operator('aten::index', 'Tensor');
const unfold = operator('aten::unfold');
const upsampleBilinear = operator('aten::upsample_bilinear2d');

// Augments a batch of training images: random flip, random crop of the enlarged image (paper, appendix A.1: 32 × 32 of
// 40 × 40) or of the padded one, and cutout. Random numbers are sampled on the host; the operations run on the images'
// device without waiting, so that they can be captured in a CUDA graph.

import { arange, indexTensor } from '../engine/create.ts';
import { scope } from '../engine/memory.ts';
import { operator } from '../engine/operator.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { RandomStream } from '../random/stream.ts';
import { type Augmentation, enlargedSide } from './augmentations.ts';
import { type Whitening, type WhiteningTensors, whiten } from './whitening.ts';

/** Rows of random numbers, one number per image; unused rows are 0. */
export const row = { flip: 0, top: 1, left: 2, cutoutTop: 3, cutoutLeft: 4 } as const;
export const randomRows = Object.keys(row).length;

/**
 * Augments and whitens images uint8 [images, 3, size, size]; returns float32 of the same shape in channels_last. Flip,
 * crop and cutout are sampled for every image, in this order for the whole batch.
 */
export function augment(images: Tensor, whitening: Whitening, options: Augmentation, random: RandomStream): Tensor {
  const [count, , height, width] = images.shape as [number, number, number, number];
  const randomNumbers = sampleAugmentation(count, [height, width], options, random);
  return scope(() =>
    augmentAs(images, whitening, options, indexTensor(randomNumbers, images.device, [randomRows, count])),
  );
}

/**
 * Samples the random numbers of `augmentAs` for a batch of images [height, width], row by row. Alternating flips are
 * set by the caller, who knows the epoch.
 */
export function sampleAugmentation(
  images: number,
  [height, width]: readonly [height: number, width: number],
  options: Augmentation,
  random: RandomStream,
): Int32Array {
  const randomNumbers = new Int32Array(randomRows * images);
  const sample = (place: number, below: number, from = 0) => {
    for (let image = 0; image < images; image++) randomNumbers[place * images + image] = from + random.integer(below);
  };
  const room = enlargedSide(options.enlarge, height) + 2 * padding(options, height) - height;
  if (options.flip === true) sample(row.flip, 2);
  if (room > 0) {
    sample(row.top, room + 1);
    sample(row.left, room + 1);
  }
  if (options.cutout > 0) {
    sample(row.cutoutTop, height, -Math.floor(options.cutout / 2));
    sample(row.cutoutLeft, width, -Math.floor(options.cutout / 2));
  }
  return randomNumbers;
}

/**
 * Augments images by random numbers int64 [randomRows, images] on the images' device. The result is averaged down to
 * `side` × `side` pixels if that is smaller.
 */
export function augmentAs(
  images: Tensor,
  whitening: Whitening | WhiteningTensors,
  options: Augmentation,
  randomNumbers: Tensor,
  side?: number,
): Tensor {
  return scope(() => {
    const size = images.shape[2]!;
    const mirrored = options.flip ? flipChosen(images, randomNumbers.select(0, row.flip)) : images;
    const enlarged = enlarge(mirrored.to('float32'), enlargedSide(options.enlarge, size));
    const padded = pad(enlarged, padding(options, size));
    const cropped =
      padded.shape[2] === size
        ? padded
        : crop(padded, size, randomNumbers.select(0, row.top), randomNumbers.select(0, row.left));
    const whitened = whiten(cropped, whitening);
    if (options.cutout > 0) {
      const [top, left] = [randomNumbers.select(0, row.cutoutTop), randomNumbers.select(0, row.cutoutLeft)];
      whitened.mul_(cutoutMask(images, options.cutout, top, left)); // 0 is the mean after whitening
    }
    return averagedDown(whitened, side ?? size).contiguous('channels_last');
  });
}

/**
 * Returns images [count, channels, side, side] from larger ones: each new pixel is the mean of the pixels that it
 * overlaps. Images of that side are returned as they are.
 */
export function averagedDown(images: Tensor, side: number): Tensor {
  return side === images.shape[2] ? images : adaptiveAveragePool.tensor(images, [side, side]);
}

/** Returns the border on each side in pixels. */
export const padding = ({ translate = 0 }: Augmentation, size: number) => Math.round(translate * size);

/** Mirrors the images left to right where `chosen` int64 [images] is 1. */
function flipChosen(images: Tensor, chosen: Tensor): Tensor {
  return where.tensor(chosen.ne(0).reshape([-1, 1, 1, 1]), images.flip([3]), images);
}

/**
 * Bilinear interpolation without aligned corners: row y of the result is at (y + ½) · old height / height − ½ in the
 * image; edges are repeated.
 */
export function enlarge(pixels: Tensor, height: number, width = height): Tensor {
  if (height === pixels.shape[2] && width === pixels.shape[3]) return pixels;
  return upsampleBilinear.tensor(pixels, [height, width], false, undefined, undefined);
}

/** Adds a border of reflected pixels; the outermost pixel is not repeated. */
function pad(pixels: Tensor, border: number): Tensor {
  return border === 0 ? pixels : reflectionPad.tensor(pixels, [border, border, border, border]);
}

/** Crops every image to size × size at its `top` and `left`, int64 [images]. */
function crop(pixels: Tensor, size: number, top: Tensor, left: Tensor): Tensor {
  const every = arange(0, pixels.shape[0]!, 1, { device: pixels.device });
  // a view [images, 3, rows, columns, size, size]
  const windows = unfold.tensor(unfold.tensor(pixels, 2, size, 1), 3, size, 1);
  return index.tensor(windows, [every, undefined, top, left]); // [images, 3, size, size]
}

/**
 * Returns a mask float32 [images, 1, height, width]: 0 in the square at `top` and `left`, int64 [images], and 1
 * elsewhere.
 */
function cutoutMask(images: Tensor, side: number, top: Tensor, left: Tensor): Tensor {
  const [, , height, width] = images.shape;
  const inside = (starts: Tensor, length: number, shape: number[]) => {
    const distance = arange(0, length, 1, { device: images.device }).sub(starts.unsqueeze(1)); // [images, length]
    return distance.ge(0).logicalAnd(distance.lt(side)).reshape(shape);
  };
  const blank = inside(top, height!, [-1, 1, height!, 1]).logicalAnd(inside(left, width!, [-1, 1, 1, width!]));
  return blank.logicalNot().to('float32');
}

const where = operator('aten::where', 'self');
const index = operator('aten::index', 'Tensor');
const unfold = operator('aten::unfold');
const reflectionPad = operator('aten::reflection_pad2d');
const adaptiveAveragePool = operator('aten::_adaptive_avg_pool2d');
const upsampleBilinear = operator('aten::upsample_bilinear2d');

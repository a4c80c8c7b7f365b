// Pictures of a detection dataset as a network's input: resized, flipped, placed on the input, with their objects.

import type { Sharp } from 'sharp';
import { resample } from '../data/enlarge.ts';
import { openImage, unreadable } from '../data/prepare-image.ts';
import type { DetectionPicture } from '../detection-data/detection-dataset.ts';
import { fromBytes } from '../engine/create.ts';
import { scope } from '../engine/memory.ts';
import type { Tensor } from '../engine/tensor.ts';
import type { RandomStream } from '../random/stream.ts';
import type { PictureFraming } from './detector-settings.ts';
import type { Truth } from './losses.ts';

type Size = readonly [height: number, width: number];

/** Where a picture lies in the input: input = picture · scale − offset, along y and x. */
export interface Placement {
  scale: readonly [number, number];
  offset: readonly [number, number];
  /** Height and width of the picture after resizing. */
  size: Size;
  /** Height and width of its part within the input. */
  extent: Size;
  isFlipped: boolean;
}

/** How training pictures vary. */
export interface PictureAugmentation {
  flip: boolean;
  /** Least and greatest factor of the size (large-scale jitter, Ghiasi et al., 2021). */
  jitter: readonly [number, number];
}

export interface FramedPicture {
  /** RGB bytes [height, width, 3] of the input. */
  pixels: Uint8Array;
  placement: Placement;
}

/** Places a picture on the input as it is shown in a test. */
export function testPlacement(picture: Size, input: Size, framing: PictureFraming): Placement {
  return placed(picture, input, framing, { factor: 1, isFlipped: false, corner: [0, 0] });
}

/** Places a picture at random: its size, its part where it is larger than the input, and whether it is flipped. */
export function randomPlacement(
  picture: Size,
  input: Size,
  framing: PictureFraming,
  { flip, jitter: [least, greatest] }: PictureAugmentation,
  random: RandomStream,
): Placement {
  return placed(picture, input, framing, {
    isFlipped: flip && random.uniform() < 0.5,
    factor: least + (greatest - least) * random.uniform(),
    corner: [random.uniform(), random.uniform()],
  });
}

function placed(
  [height, width]: Size,
  input: Size,
  framing: PictureFraming,
  { factor, isFlipped, corner }: { factor: number; isFlipped: boolean; corner: readonly [number, number] },
): Placement {
  const shares = [input[0] / height, input[1] / width] as const;
  const [down, across] = framing === 'stretch' ? shares : [Math.min(...shares), Math.min(...shares)];
  const size = [
    Math.max(1, Math.round(height * down * factor)),
    Math.max(1, Math.round(width * across * factor)),
  ] as const;
  const offset = [0, 1].map((axis) => Math.floor(corner[axis]! * (Math.max(size[axis]! - input[axis]!, 0) + 1)));
  return {
    scale: [size[0] / height, size[1] / width],
    offset: [offset[0]!, offset[1]!],
    size,
    extent: [Math.min(size[0], input[0]), Math.min(size[1], input[1])],
    isFlipped,
  };
}

/** The colour of the input beside a picture: near 0 after normalisation. */
const middle = 128;

/**
 * How pixels are resized: 'exact' is bilinear arithmetic without rounding in between, the same as in the browser's page
 * (examples/browser/image.js); 'fast' shrinks in libvips, which rounds its filters and differs by a few of 255.
 */
export type Resizing = 'exact' | 'fast';

/** Reads a picture and puts it on the input. @throws InputError with the file's name if it cannot be read */
export async function framePicture(
  file: string | Uint8Array,
  input: Size,
  placementOf: (size: Size) => Placement,
  resizing: Resizing = 'exact',
): Promise<FramedPicture> {
  try {
    const { image, height, width } = await openImage(file);
    const placement = placementOf([height, width]);
    return { pixels: onInput(await resized(image, [height, width], placement, resizing), input, placement), placement };
  } catch (error) {
    throw unreadable(error as Error, typeof file === 'string' ? file : 'image');
  }
}

/** Returns RGB bytes of the part of the picture that lies within the input. */
async function resized(image: Sharp, picture: Size, { size, offset, extent }: Placement, resizing: Resizing) {
  const [top, left] = offset;
  const [height, width] = extent;
  const bytes = (each: Sharp) => each.raw({ depth: 'uchar' }).toBuffer();
  const shrinks = size[0] <= picture[0] && size[1] <= picture[1]; // libvips shifts what it enlarges: data/enlarge.ts
  if (resizing === 'fast' && shrinks) {
    const small = image.resize(size[1], size[0], { fit: 'fill', kernel: 'linear', fastShrinkOnLoad: false });
    return bytes(small.extract({ left, top, width, height }));
  }
  return resample(await bytes(image), picture, size, { left, top, width, height }, 'bilinear');
}

function onInput(pixels: Uint8Array, [height, width]: Size, { extent, isFlipped }: Placement) {
  const canvas = new Uint8Array(3 * height * width).fill(middle);
  for (let row = 0; row < extent[0]; row++) {
    const line = pixels.subarray(3 * row * extent[1], 3 * (row + 1) * extent[1]);
    const to = 3 * row * width;
    if (!isFlipped) canvas.set(line, to);
    else {
      for (let column = 0; column < extent[1]; column++) {
        const source = 3 * (extent[1] - 1 - column);
        for (let channel = 0; channel < 3; channel++) canvas[to + 3 * column + channel] = line[source + channel]!;
      }
    }
  }
  return canvas;
}

/** An object that is narrower than this within the input is not learnt, in pixels. */
const leastSide = 1;

/** Returns the objects of a placed picture, without crowds and those outside. */
export function truthOf({ boxes }: Pick<DetectionPicture, 'boxes'>, placement: Placement): Truth {
  const { scale, offset, extent, isFlipped } = placement;
  const corners: number[] = [];
  const labels: number[] = [];
  for (const { x, y, width, height, category, crowd } of boxes) {
    if (crowd) continue;
    const along = (axis: 0 | 1, place: number) =>
      Math.min(Math.max(place * scale[axis] - offset[axis], 0), extent[axis]);
    const [left, right] = [along(1, x), along(1, x + width)];
    const [top, bottom] = [along(0, y), along(0, y + height)];
    if (right - left < leastSide || bottom - top < leastSide) continue;
    if (isFlipped) corners.push(extent[1] - right, top, extent[1] - left, bottom);
    else corners.push(left, top, right, bottom);
    labels.push(category);
  }
  return { boxes: Float32Array.from(corners), labels: Int32Array.from(labels), extent };
}

/** Brings boxes x1, y1, x2, y2 of the input back to the picture, as shown in a test. */
export function inPicture(boxes: ArrayLike<number>, { scale, offset }: Placement): Float64Array {
  return Float64Array.from(boxes, (place, index) => {
    const axis = index % 2 === 0 ? 1 : 0;
    return (place + offset[axis]) / scale[axis];
  });
}

/** Converts pictures, bytes [height, width, 3] each, to float32 [pictures, 3, height, width] from −1 to 1. */
export function pictureBatch(pictures: readonly Uint8Array[], [height, width]: Size, device: string): Tensor {
  return scope(() =>
    fromBytes(Buffer.concat(pictures), 'uint8', [pictures.length, height, width, 3])
      .to(device)
      .permute([0, 3, 1, 2])
      .to('float32')
      .mul(2 / 255)
      .sub(1)
      .contiguous('channels_last'),
  );
}

// Computes which part of an image a network uses, and how it is resized. prepare-image.ts applies it to pixels.

import type { PictureDecoder } from './picture-decoder.ts';

/**
 * The framing of a network's images. It is stored with the weights (model/preprocessing.ts), so that all commands use
 * the same one.
 */
export interface Framing {
  /** Share of each side of the image that is used, at its centre: above 0, at most 1. The paper's is 0.875. */
  centralFraction: number;
  /**
   * `shorter-side` keeps the aspect ratio. The image is resized to just cover the input's size divided by
   * `centralFraction`, then its centre is cropped to the input's size (torchvision, timm). `stretch` does not keep the
   * aspect ratio. The central share of both sides is cropped, then resized to the input's height and width (TF-Slim's
   * evaluation, with which the published accuracies were measured).
   */
  aspect: 'shorter-side' | 'stretch';
  /**
   * `bilinear` and `bicubic` widen their filter where an image shrinks: antialiasing, as in PIL and timm (0.3 of a byte
   * from PIL's pixels on average) and unlike TensorFlow's resize_bilinear. `area` is the mean over the source pixels
   * that each new pixel covers, as in nasnet's datasets.
   */
  interpolation: 'bilinear' | 'bicubic' | 'area';
  /**
   * The decoder of JPEG in training, which differs from others by rounding; a machine without it uses sharp. Absent:
   * sharp.
   */
  decoder?: PictureDecoder | undefined;
}

/** The framing of datasets from image files: the central square, averaged down. */
export const datasetFraming: Framing = { centralFraction: 1, aspect: 'shorter-side', interpolation: 'area' };

export interface Region {
  left: number;
  top: number;
  width: number;
  height: number;
}

type Size = readonly [height: number, width: number];

/** The steps for an image, in whole pixels: crop, resize, crop the result; each if needed. */
export interface Frame {
  source: Region;
  size: Size;
  window: Region;
}

/** Returns the frame of an upright image for a network's input. `window` has exactly the input's size. */
export function frameOf(image: Size, input: Size, { centralFraction, aspect, interpolation }: Framing): Frame {
  if (aspect === 'stretch') {
    // rounded as in tf.image.central_crop
    const margins = image.map((side) => Math.floor((side - side * centralFraction) / 2));
    return { source: inset(image, margins), size: input, window: whole(input) };
  }
  if (interpolation === 'area') {
    const scale = centralFraction * Math.min(image[0] / input[0], image[1] / input[1]);
    const sides = input.map((side) => Math.max(1, Math.round(side * scale))) as [number, number];
    return { source: centre(image, sides), size: input, window: whole(input) };
  }
  const size = covering(image, input.map((side) => Math.floor(side / centralFraction)) as [number, number]);
  return { source: whole(image), size, window: centre(size, input) };
}

/**
 * Returns the size with an image's aspect ratio that just covers another size; the longer side is rounded down, as in
 * torchvision.
 */
function covering([height, width]: Size, [leastHeight, leastWidth]: Size): Size {
  return leastHeight * width >= leastWidth * height
    ? [leastHeight, Math.max(leastWidth, Math.floor((leastHeight * width) / height))]
    : [Math.max(leastHeight, Math.floor((leastWidth * height) / width)), leastWidth];
}

const whole = ([height, width]: Size): Region => ({ left: 0, top: 0, width, height });

const centre = ([height, width]: Size, [inner, across]: Size): Region => ({
  left: halfOf(width - across),
  top: halfOf(height - inner),
  width: across,
  height: inner,
});

/** Halves with rounding to even, as torchvision's crop does. */
const halfOf = (length: number): number => Math.floor(length / 2) + (length % 4 === 3 ? 1 : 0);

const inset = ([height, width]: Size, [top, left]: readonly number[]): Region => ({
  left: left!,
  top: top!,
  width: width - 2 * left!,
  height: height - 2 * top!,
});

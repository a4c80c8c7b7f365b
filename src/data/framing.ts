// Which part of a photograph a network looks at, and how it is brought to the network's size. Numbers only: prepare-image.ts
// applies them to pixels.

/** Travels with a network's weights (model/preprocessing.ts), so that no command can choose it wrongly. */
export interface Framing {
  /** Share of the image that is looked at, in its centre and along each side: above 0, at most 1. The paper's is 0.875. */
  centralFraction: number;
  /**
   * `shorter-side`: the proportions stay. The image is resized until it just covers the input's size divided by `centralFraction`,
   * then the centre is cut out at the input's size (torchvision, timm).
   * `stretch`: the proportions go. The central share of both sides is cut out, then resized to the input's height and width
   * (TF-Slim's evaluation, which the published accuracies were measured with).
   */
  aspect: 'shorter-side' | 'stretch';
  /**
   * `bilinear` and `bicubic` widen their filter where an image shrinks: antialiasing, as PIL and timm do (PIL's pixels are met to
   * 0.3 of a byte on average) and TensorFlow's resize_bilinear does not. `area` is the mean over the source pixels that each new
   * pixel covers, as our own datasets are shrunk.
   */
  interpolation: 'bilinear' | 'bicubic' | 'area';
}

/** How datasets are prepared from image files: the central square, averaged down. */
export const datasetFraming: Framing = { centralFraction: 1, aspect: 'shorter-side', interpolation: 'area' };

export interface Region {
  left: number;
  top: number;
  width: number;
  height: number;
}

type Size = readonly [height: number, width: number];

/** What happens to an image in this order, each where it is needed: cut out, resize, cut out of the result. In whole pixels. */
export interface Frame {
  source: Region;
  size: Size;
  window: Region;
}

/** The frame of an image (upright, in pixels) for a network's input. `window` has exactly the input's size. */
export function frameOf(image: Size, input: Size, { centralFraction, aspect, interpolation }: Framing): Frame {
  if (aspect === 'stretch') {
    const margins = image.map((side) => Math.floor((side - side * centralFraction) / 2)); // tf.image.central_crop's rounding
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

/** The size that keeps an image's proportions and just covers another; the longer side is rounded down, as torchvision does. */
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

/** Halves to the even number, as torchvision's crop rounds: one pixel more or less for one image in four. */
const halfOf = (length: number): number => Math.floor(length / 2) + (length % 4 === 3 ? 1 : 0);

const inset = ([height, width]: Size, [top, left]: readonly number[]): Region => ({
  left: left!,
  top: top!,
  width: width - 2 * left!,
  height: height - 2 * top!,
});

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
   * `bilinear` and `bicubic` widen their filter where an image shrinks (antialiasing, as PIL and timm do; TensorFlow's resize_bilinear
   * does not). `area` means over the source pixels that each new pixel covers, as our own datasets are shrunk.
   */
  interpolation: 'bilinear' | 'bicubic' | 'area';
}

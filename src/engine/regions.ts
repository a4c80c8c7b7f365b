// Our operators for detection (native/kernels): regions of images with gradients, and boxes compared and suppressed.
// Boxes are [n, 4]: x1, y1, x2, y2. CPU loops for float32 and float64; on a GPU they are composed of libtorch's
// operators, which is not measured.

import { operator } from './operator.ts';
import type { Tensor } from './tensor.ts';

export interface Regions {
  /** float [regions, 4] */
  boxes: Tensor;
  /** The image of each box, int64 [regions]. */
  places: Tensor;
  /** Height and width of a result. */
  size: readonly [height: number, width: number];
}

export interface RoiAlignOptions extends Regions {
  /** Pixels of the images in a unit of the boxes: 1 / stride. */
  scale: number;
  /** Samples along each side of a cell. Default 2. */
  sampling?: number;
}

/**
 * RoIAlign (He et al., 2017) with half-pixel centres, as torchvision's `aligned=True` and ONNX's `half_pixel`: images
 * [n, channels, height, width] → [regions, channels, …size].
 */
export function roiAlign(images: Tensor, { boxes, places, size, scale, sampling = 2 }: RoiAlignOptions): Tensor {
  return align.tensor(images, boxes, places, size, scale, sampling);
}

/**
 * TensorFlow's crop_and_resize, bilinear: a sample at each of `size` places from the box's first to its last pixel, 0
 * outside the image. The boxes are shares of the image: 0 and 1 are the centres of its outer pixels.
 */
export function cropAndResize(images: Tensor, { boxes, places, size }: Regions): Tensor {
  return crop.tensor(images, boxes, places, size);
}

/** Intersection over union of every two boxes: [n, 4], [m, 4] → [n, m]. */
export function boxIou(left: Tensor, right: Tensor): Tensor {
  return iou.tensor(left, right);
}

export interface SuppressionOptions {
  /** int64 [n], from 0: only boxes of one class suppress each other. Default: all are of one class. */
  classes?: Tensor | undefined;
  /** A box is left out if it overlaps one with a higher score by more than this. */
  threshold: number;
  /** Boxes kept in all, and of each class. Default: no limit. */
  limit?: number | undefined;
  perClass?: number | undefined;
}

/**
 * Non-maximum suppression. @param scores [n]; a box whose score is not a number is left out @returns the places of the
 * kept boxes by falling score, equal scores in the order of the boxes, int64 [kept]
 */
export function nonMaximumSuppression(boxes: Tensor, scores: Tensor, options: SuppressionOptions): Tensor {
  const { classes, threshold, limit = -1, perClass = -1 } = options;
  return nms.tensor(boxes, scores, classes, threshold, limit, perClass);
}

const align = operator('nasnet::roi_align');
const crop = operator('nasnet::crop_and_resize');
const iou = operator('nasnet::box_iou');
const nms = operator('nasnet::nms');

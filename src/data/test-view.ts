// The test view: how images are scaled for validation and test. Objects must have the same apparent size and smoothing
// as in training, otherwise a network loses up to eleven points (docs/experiments/test-view.md; Touvron et al., "Fixing
// the train-test resolution discrepancy", 2019). Validation, test, evaluate, classify and the comparison of exports all
// use this file; the PyTorch file and the browser's page do the same with the model file's numbers.

import { scope } from '../engine/memory.ts';
import type { Tensor } from '../engine/tensor.ts';
import { enlarge } from './augmentation.ts';
import { type Augmentation, enlargedSide } from './augmentations.ts';
import { type Whitening, whiten } from './whitening.ts';

/** The test view of images as bytes in the network's size. JSON, stored with the weights. */
export interface TestView extends Whitening {
  /**
   * Factor by which the image is enlarged (bilinear, to `Math.round(enlarge * side)` pixels) before its centre is
   * cropped to the old size. Absent: none.
   */
  enlarge?: number;
}

/** Returns the test view for an augmentation: enlarged like the training images, with a central crop. */
export function testViewOf(augmentation: Pick<Augmentation, 'enlarge'>, { mean, deviation }: Whitening): TestView {
  return { mean, deviation, ...(augmentation.enlarge !== 1 && { enlarge: augmentation.enlarge }) };
}

/** Converts bytes [images, 3, height, width] to the network's input: float32 of the same shape, channels_last. */
export function showForTest(images: Tensor, view: TestView): Tensor {
  return scope(() =>
    whiten(view.enlarge ? enlarged(images, view.enlarge) : images.to('float32'), view).contiguous('channels_last'),
  );
}

/** Enlarges images as float32. The memory order is that of a dataset, so that equal images give equal bits. */
function enlarged(images: Tensor, factor: number): Tensor {
  const [height, width] = [images.shape[2]!, images.shape[3]!];
  const pixels = images.contiguous().to('float32');
  return centre(enlarge(pixels, enlargedSide(factor, height), enlargedSide(factor, width)), height, width);
}

/** Crops the central height × width pixels; of an odd rest the larger part is below and on the right. */
function centre(pixels: Tensor, height: number, width: number): Tensor {
  const [top, left] = [pixels.shape[2]! - height, pixels.shape[3]! - width].map((rest) => Math.floor(rest / 2));
  return pixels.narrow(2, top!, height).narrow(3, left!, width);
}

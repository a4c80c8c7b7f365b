// How a network is shown the images on which it is tested. It follows from how it saw its training images: things must have the same
// apparent size and the same smoothing in both, else a network loses up to eleven points (docs/experiments/test-view.md; Touvron et
// al., "Fixing the train-test resolution discrepancy", 2019). The one place that applies it: validation, test, evaluate, classify and
// the comparison of exports all come through here; the PyTorch file and the browser's page do the same by the model file's numbers.

import { scope } from '../engine/memory.ts';
import type { Tensor } from '../engine/tensor.ts';
import { enlarge } from './augmentation.ts';
import { type Augmentation, enlargedSide } from './augmentations.ts';
import { type Whitening, whiten } from './whitening.ts';

/** What happens to images in bytes that have the network's size already. JSON: it travels with the weights. */
export interface TestView extends Whitening {
  /**
   * The image is enlarged by this factor (bilinear, to `Math.round(enlarge * side)` pixels), then its centre is cut out at the old size.
   * Absent: it is shown as it is.
   */
  enlarge?: number;
}

/** The test view of a network that is trained with an augmentation: enlarged as its training images are, and the crop in the middle. */
export function testViewOf(augmentation: Pick<Augmentation, 'enlarge'>, { mean, deviation }: Whitening): TestView {
  return { mean, deviation, ...(augmentation.enlarge !== 1 && { enlarge: augmentation.enlarge }) };
}

/** Bytes [images, 3, height, width] as the network takes them: float32 of the same shape, channels_last. */
export function showForTest(images: Tensor, view: TestView): Tensor {
  return scope(() =>
    whiten(view.enlarge ? enlarged(images, view.enlarge) : images.to('float32'), view).contiguous('channels_last'),
  );
}

/** float32 of the same shape. The bytes lie in memory as a dataset's, so that the same image gives the same bits wherever it comes from. */
function enlarged(images: Tensor, factor: number): Tensor {
  const [height, width] = [images.shape[2]!, images.shape[3]!];
  const pixels = images.contiguous().to('float32');
  return centre(enlarge(pixels, enlargedSide(factor, height), enlargedSide(factor, width)), height, width);
}

/** The height × width pixels in the middle; of an odd rest the larger part is below and on the right. */
function centre(pixels: Tensor, height: number, width: number): Tensor {
  const [top, left] = [pixels.shape[2]! - height, pixels.shape[3]! - width].map((rest) => Math.floor(rest / 2));
  return pixels.narrow(2, top!, height).narrow(3, left!, width);
}

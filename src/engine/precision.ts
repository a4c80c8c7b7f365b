// The policy of 16-bit computing: the images determine the precision, and weights follow them. model/network.ts casts
// the images;
// batch norms accept 16-bit images with float32 statistics.

import type { Tensor } from './tensor.ts';

/** Converts a weight to the dtype of bfloat16 images. Its gradient has the weight's dtype. */
export function asImages(weight: Tensor, images: Tensor): Tensor {
  return images.dtype === 'bfloat16' && weight.dtype !== 'bfloat16' ? weight.to('bfloat16') : weight;
}

// The policy of 16-bit computing, in one function: images say the precision, weights follow them. Where images are cast is the
// network's (model/network.ts); batch norms take 16-bit images with their float32 statistics as they are.

import type { Tensor } from './tensor.ts';

/** A weight as images of bfloat16 are multiplied with: in their dtype. Its gradient comes back in its own. */
export function asImages(weight: Tensor, images: Tensor): Tensor {
  return images.dtype === 'bfloat16' && weight.dtype !== 'bfloat16' ? weight.to('bfloat16') : weight;
}

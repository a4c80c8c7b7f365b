// Batch normalisation over the images of several processes that train one network together: one exchange forward and
// one backward.

import { tensor } from '../engine/create.ts';
import { noGrad } from '../engine/memory.ts';
import { type BatchNormOptions, cat } from '../engine/operators.ts';
import type { Tensor } from '../engine/tensor.ts';

/** Returns the sum of a tensor over the processes; its gradient is the sum of theirs. */
export type SumOver = (own: Tensor) => Tensor;

/**
 * Normalises [n, channels, h, w] by the mean and variance of all processes' images, and updates the moving statistics
 * by them. Means are merged by Chan, Golub and LeVeque (1979), in float64.
 */
export function normaliseTogether(
  input: Tensor,
  { weight, bias, movingMean, movingVariance, momentum, epsilon }: BatchNormOptions,
  sumOver: SumOver,
): Tensor {
  const images = ['bfloat16', 'float16'].includes(input.dtype) ? input.to('float32') : input;
  const [count, channels, height, width] = images.shape as [number, number, number, number];
  const own = count * height * width;
  const ownMean = images.mean([0, 2, 3]).to('float64'); // [channels]
  const ownSquares = images.variance([0, 2, 3]).to('float64').add(ownMean.square()); // mean of the squares
  const elements = tensor(Float64Array.of(own), [1], { device: images.device });
  const sums = sumOver(cat([elements, ownMean.mul(own), ownSquares.mul(own)])); // [1 + 2 · channels]
  const total = sums.narrow(0, 0, 1);
  const mean = sums.narrow(0, 1, channels).div(total);
  const variance = sums
    .narrow(0, 1 + channels, channels)
    .div(total)
    .sub(mean.square())
    .clamp(0);
  noGrad(() => {
    const unbiased = variance.mul(total.div(total.sub(1)));
    movingMean.add_(mean.to(movingMean.dtype).sub(movingMean), momentum);
    movingVariance.add_(unbiased.to(movingVariance.dtype).sub(movingVariance), momentum);
  });
  const spread = (values: Tensor) => values.to(images.dtype).reshape([1, channels, 1, 1]);
  const normal = images.sub(spread(mean)).mul(spread(variance.add(epsilon).rsqrt()));
  const result = normal.mul(weight.reshape([1, channels, 1, 1])).add(bias.reshape([1, channels, 1, 1]));
  return result.to(input.dtype);
}

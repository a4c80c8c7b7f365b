// Classifies images: the most probable classes with their probabilities.

import { noGrad, scope } from '../engine/memory.ts';
import type { Tensor } from '../engine/tensor.ts';
import { Failure } from '../failure.ts';
import type { Network } from './network.ts';

export interface Answer {
  /** The index of the class. */
  place: number;
  /** 0 to 1. */
  probability: number;
}

/**
 * Returns the `count` most probable classes of each image, best first.
 * @param images [batch, channels, height, width], preprocessed
 * @throws Failure if a probability is NaN
 */
export function likeliestClasses(network: Network, images: Tensor, count: number): Answer[][] {
  return scope(() =>
    noGrad(() => {
      const { values, indices } = network.forward(images).logits.softmax(1).topk(count, 1); // [batch, count] each
      const [probabilities, places] = [values.toArray(), indices.toArray()];
      if (!probabilities.every(Number.isFinite))
        throw new Failure('the network computed probabilities that are not numbers');
      return Array.from({ length: images.shape[0]! }, (_, row) =>
        Array.from({ length: count }, (_, column) => ({
          place: places[row * count + column]!,
          probability: probabilities[row * count + column]!,
        })),
      );
    }),
  );
}

// A network's answers as people want them: the likeliest classes with their probabilities.

import { noGrad, scope } from '../engine/memory.ts';
import type { Tensor } from '../engine/tensor.ts';
import { Failure } from '../failure.ts';
import type { Network } from './network.ts';

export interface Answer {
  /** The class's place among the network's. */
  place: number;
  /** 0 to 1. */
  probability: number;
}

/**
 * The `count` likeliest classes of each image, best first.
 * @param images [batch, channels, height, width], prepared
 * @throws Failure if the answers are not numbers
 */
export function likeliestClasses(network: Network, images: Tensor, count: number): Answer[][] {
  return scope(() =>
    noGrad(() => {
      const { values, indices } = network.forward(images).logits.softmax(1).topk(count, 1); // [batch, count] each
      const [probabilities, places] = [values.toArray(), indices.toArray()];
      if (!probabilities.every(Number.isFinite)) throw new Failure('the network answers with no numbers');
      return Array.from({ length: images.shape[0]! }, (_, row) =>
        Array.from({ length: count }, (_, column) => ({
          place: places[row * count + column]!,
          probability: probabilities[row * count + column]!,
        })),
      );
    }),
  );
}

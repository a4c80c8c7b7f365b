// How an image becomes a network's input: stored with the weights, so that whoever uses them cannot get it wrong.
// data/prepare-image.ts does what is said here.

import type { Framing } from '../data/framing.ts';
import type { Whitening } from '../data/whitening.ts';

/**
 * First the framing, to the input's height and width; then `(byte - mean) / deviation` for red, green and blue, in units of a
 * byte (0 to 255): [-1, 1] is mean 127.5 and deviation 127.5.
 */
export interface Preprocessing extends Framing, Whitening {}

/** The released ImageNet models': the central 0.875 of both sides, brought to [-1, 1] (TF-Slim's Inception preprocessing). */
export const imagenetPreprocessing: Preprocessing = {
  mean: [127.5, 127.5, 127.5],
  deviation: [127.5, 127.5, 127.5],
  centralFraction: 0.875,
  aspect: 'stretch',
  interpolation: 'bilinear',
};

/** Of a network trained here: the whole centre of the image as the datasets keep it, whitened as in training. */
export function whitenedPreprocessing({ mean, deviation }: Whitening): Preprocessing {
  return { mean, deviation, centralFraction: 1, aspect: 'shorter-side', interpolation: 'area' };
}

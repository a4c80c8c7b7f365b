// Describes how an image becomes a network's input. Stored with the weights; data/prepare-image.ts applies it.

import { datasetFraming, type Framing } from '../data/framing.ts';
import type { TestView } from '../data/test-view.ts';

/**
 * First the framing resizes the image to bytes of the input's height and width. Then the test view enlarges it and
 * crops it back to that size, if the network was trained so, and computes `(value - mean) / deviation` for red, green
 * and blue, in units of a byte (0 to 255): a mean and deviation of 127.5 give [-1, 1].
 */
export interface Preprocessing extends Framing, TestView {}

/**
 * The preprocessing of the released ImageNet models: the central 0.875 of both sides, scaled to [-1, 1] (TF-Slim's
 * Inception preprocessing).
 */
export const imagenetPreprocessing: Preprocessing = {
  mean: [127.5, 127.5, 127.5],
  deviation: [127.5, 127.5, 127.5],
  centralFraction: 0.875,
  aspect: 'stretch',
  interpolation: 'bilinear',
};

/** Returns the preprocessing of a network trained here: the dataset's framing and the training's test view. */
export function trainedPreprocessing(view: TestView): Preprocessing {
  return { ...view, ...datasetFraming };
}

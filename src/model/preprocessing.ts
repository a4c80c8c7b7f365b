// How an image becomes a network's input: stored with the weights, so that whoever uses them cannot get it wrong.
// data/prepare-image.ts does what is said here.

import { datasetFraming, type Framing } from '../data/framing.ts';
import type { TestView } from '../data/test-view.ts';

/**
 * First the framing, to bytes of the input's height and width; then the test view: enlarged and cut back to that size where the network was
 * trained so, then `(value - mean) / deviation` for red, green and blue, in units of a byte (0 to 255): [-1, 1] is mean 127.5 and deviation
 * 127.5.
 */
export interface Preprocessing extends Framing, TestView {}

/** The released ImageNet models': the central 0.875 of both sides, brought to [-1, 1] (TF-Slim's Inception preprocessing). */
export const imagenetPreprocessing: Preprocessing = {
  mean: [127.5, 127.5, 127.5],
  deviation: [127.5, 127.5, 127.5],
  centralFraction: 0.875,
  aspect: 'stretch',
  interpolation: 'bilinear',
};

/** The preprocessing of a network trained here: images framed as its dataset was prepared, shown as it was trained. */
export function trainedPreprocessing(view: TestView): Preprocessing {
  return { ...view, ...datasetFraming };
}

// A network with known results: its weights are set by hand so that the logits of three classes are proportional to the
// mean red, green and blue of the image, and all others are 0.

import { tensor } from '../../src/engine/create.ts';
import { noGrad } from '../../src/engine/memory.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { type ModelDescription, planOf, writeModel } from '../../src/model/model-file.ts';
import { buildNetwork } from '../../src/model/network.ts';
import type { Preprocessing } from '../../src/model/preprocessing.ts';
import type { Cell } from '../../src/space/architecture.ts';

const cell: Cell = { blocks: [{ inputs: [0, 0], operations: ['identity', 'identity'], combine: 'add' }] };

/** Scales bytes to [0, 1] and shows the whole image. */
export const plainPreprocessing: Preprocessing = {
  mean: [0, 0, 0],
  deviation: [255, 255, 255],
  centralFraction: 1,
  aspect: 'stretch',
  interpolation: 'bilinear',
};

/** The logit of a full colour. Each of the two cells doubles its input, and the classifier does the rest. */
export const fullLogit = 8;

/**
 * Writes the network's file.
 * @param colours the indices of the classes for red, green and blue; their logits for an image of one colour [r, g, b]
 *   in 0 … 255 are fullLogit · [r, g, b] / 255
 */
export function writeColourNetwork(
  path: string,
  classes: string[],
  colours: readonly [number, number, number],
  preprocessing = plainPreprocessing,
): ModelDescription {
  const description: ModelDescription = {
    architecture: { normal: cell, reduction: cell },
    network: { layout: 'cifar', cells: 0, filters: 3, input: [8, 8] },
    classes,
    preprocessing,
    origin: 'made by a test',
  };
  const network = buildNetwork(planOf(description), { seed: 1 });
  noGrad(() => {
    for (const [name, weights] of network.namedParameters()) {
      if (weights.shape.length === 4) weights.copy_(passOn(weights));
      else if (weights.shape.length === 2) weights.copy_(classifier(weights, colours));
      else weights.fill_(name.endsWith('scale') ? 1 : 0);
    }
  });
  writeModel(path, network, description);
  network.dispose();
  return description;
}

/** Returns weights that pass on the first three channels unchanged: 1 in the middle of the window. */
function passOn({ shape }: Tensor): Tensor {
  const [outputs, inputs, height, width] = shape as [number, number, number, number];
  const numbers = new Float32Array(outputs * inputs * height * width);
  const middle = Math.floor(height / 2) * width + Math.floor(width / 2);
  for (let channel = 0; channel < 3; channel++) numbers[(channel * inputs + channel) * height * width + middle] = 1;
  return tensor(numbers, shape);
}

function classifier({ shape }: Tensor, colours: readonly number[]): Tensor {
  const [, features] = shape as [number, number];
  const numbers = new Float32Array(shape[0]! * features);
  for (const [channel, place] of colours.entries()) numbers[place * features + channel] = fullLogit / 4;
  return tensor(numbers, shape);
}

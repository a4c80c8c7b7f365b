// A network whose answers are known: its weights are set by hand so that three classes get a logit in proportion to the mean red,
// green and blue of the image, and all others 0.

import { tensor } from '../../src/engine/create.ts';
import { noGrad } from '../../src/engine/memory.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { type ModelDescription, planOf, writeModel } from '../../src/model/model-file.ts';
import { buildNetwork } from '../../src/model/network.ts';
import type { Preprocessing } from '../../src/model/preprocessing.ts';
import type { Cell } from '../../src/space/architecture.ts';

const cell: Cell = { blocks: [{ inputs: [0, 0], operations: ['identity', 'identity'], combine: 'add' }] };

/** Bytes to [0, 1], the whole image. */
export const plainPreprocessing: Preprocessing = {
  mean: [0, 0, 0],
  deviation: [255, 255, 255],
  centralFraction: 1,
  aspect: 'stretch',
  interpolation: 'bilinear',
};

/** Of a full colour; each of the two cells adds its input to itself, and the classifier does the rest. */
export const fullLogit = 8;

/**
 * Writes the network's file. `colours` are the places of the classes that answer to red, green and blue.
 * For one even colour [r, g, b] in 0 … 255 their logits are fullLogit · [r, g, b] / 255.
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

/** The first three channels as they are, the others empty: 1 in the middle of the window. */
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

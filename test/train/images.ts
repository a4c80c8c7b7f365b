// Images for the training tests: each class has its own colour, so that a network can learn them.

import type { BatchPart } from '../../src/data/batch-part.ts';
import { EvaluationBatches, TrainingBatches } from '../../src/data/batches.ts';
import type { LabelledImages } from '../../src/data/dataset.ts';
import { measureWhitening, type Whitening } from '../../src/data/whitening.ts';
import { tensor } from '../../src/engine/create.ts';
import { buildNetwork, type Network } from '../../src/model/network.ts';
import { type Plan, planNetwork } from '../../src/plan/plan.ts';
import { RandomStream } from '../../src/random/stream.ts';
import type { Architecture } from '../../src/space/architecture.ts';
import { childRecipe, type Recipe } from '../../src/train/recipe.ts';

const side = 8;
export const classes = 4;

export const tinyRecipe: Recipe = { ...childRecipe, epochs: 2, batchSize: 8, enlarge: 1, flip: false };

/** Returns square images of noise around one grey level per class. */
export function greyImages(count: number, side: number, seed: string): LabelledImages {
  const random = new RandomStream(seed);
  const labels = Array.from({ length: count }, (_, index) => index % classes);
  const pixels = labels.flatMap((label) =>
    Array.from({ length: 3 * side * side }, () => 40 + 50 * label + random.integer(30)),
  );
  return {
    images: tensor(Uint8Array.from(pixels), [count, 3, side, side]),
    labels: tensor(labels, [count], { dtype: 'int64' }),
  };
}

export function tinyImages(count: number, pixels = side): { from: LabelledImages; whitening: Whitening } {
  const from = greyImages(count, pixels, 'tiny images');
  const indices = Int32Array.from({ length: count }, (_, index) => index);
  return { from, whitening: measureWhitening(from.images, indices) };
}

export function trainingBatches(count: number, recipe: Recipe, pixels = side, part?: BatchPart): TrainingBatches {
  return new TrainingBatches({
    ...tinyImages(count, pixels),
    batchSize: recipe.batchSize,
    seed: 1,
    augmentation: recipe,
    part,
  });
}

export function evaluationBatches(count: number, pixels = side): EvaluationBatches {
  const { from, whitening } = tinyImages(count, pixels);
  return new EvaluationBatches({ from, view: whitening, batchSize: 5 });
}

const block = { inputs: [0, 1], operations: ['sep_conv_3x3', 'identity'], combine: 'add' } as const;
const architecture: Architecture = {
  normal: { blocks: [{ ...block, inputs: [0, 1], operations: [...block.operations] }] },
  reduction: { blocks: [{ ...block, inputs: [0, 1], operations: ['sep_conv_3x3', 'max_pool_3x3'] }] },
};

export const tinyPlan = (pixels = side): Plan =>
  planNetwork(architecture, { cells: 1, filters: 4, input: pixels, classes });

export function tinyNetwork(seed = 1, pixels = side): Network {
  const plan = tinyPlan(pixels);
  return buildNetwork(plan, { seed, dropPathKeep: 0.8 });
}

// The augmentation of a training's batches, which depends on its length.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type TrainingImages, trainingBatches } from '../../src/data/training-images.ts';
import { scope } from '../../src/engine/memory.ts';
import { type Recipe, recipes } from '../../src/train/recipe.ts';
import { greyImages } from '../train/images.ts';

const [count, side] = [8, 16];

function tinyImages(): TrainingImages {
  const from = greyImages(count, side, 'images');
  const all = Int32Array.from({ length: count }, (_, place) => place);
  return {
    dataset: { name: 'grey', height: side, width: side, classes: ['a', 'b', 'c', 'd'], train: from, test: from },
    parts: { train: all, validation: all },
    whitening: { mean: [0, 0, 0], deviation: [1, 1, 1] },
  };
}

test('the recipe fast translates the images of trainings of at least 10 epochs by a sixteenth, of 20 by an eighth', () => {
  const images = tinyImages();
  const shown = (recipe: Recipe) =>
    scope(() => [
      ...trainingBatches(images, { ...recipe, batchSize: count }, 1)
        .batch(0, 0)
        .images.toArray(),
    ]);
  const { translateFrom: _, halfTranslateFrom: __, ...always } = recipes.fast;
  const never = { ...always, translate: 0 };
  const half = { ...always, translate: 1 / 16 };
  assert.deepEqual(shown({ ...recipes.fast, epochs: 9.95 }), shown(never));
  assert.deepEqual(shown({ ...recipes.fast, epochs: 10 }), shown(half));
  assert.deepEqual(shown({ ...recipes.fast, epochs: 19.95 }), shown(half));
  assert.deepEqual(shown({ ...recipes.fast, epochs: 20 }), shown(always));
  assert.notDeepEqual(shown(always), shown(half));
  assert.notDeepEqual(shown(half), shown(never));
});

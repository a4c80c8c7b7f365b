// Classes of very different sizes: their weights, the weighted loss, and epochs that show them equally often.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TrainingBatches } from '../../src/data/batches.ts';
import { tensor } from '../../src/engine/create.ts';
import { scope } from '../../src/engine/memory.ts';
import { Momentum } from '../../src/nn/optimizers.ts';
import { classCounts, classWeights, skewOf } from '../../src/train/class-balance.ts';
import { StepSums, trainingStep } from '../../src/train/step.ts';
import { classes, greyImages, tinyNetwork, tinyRecipe, trainingBatches } from './images.ts';

test('a class of a third of the images weighs three times as much as one of all, and the mean weight of an image is 1', () => {
  const counts = classCounts([0, 0, 0, 1, 0, 1, 0, 0], 3);
  assert.deepEqual(counts, [6, 2, 0]);
  assert.deepEqual(classWeights(counts), [8 / 12, 2, 0]);
  assert.deepEqual(skewOf(counts), { largest: { label: 0, images: 6 }, smallest: { label: 1, images: 2 }, ratio: 3 });
});

test('the weighted loss is the mean of weight times cross entropy, with smoothed targets and in parts too', () => {
  const weights = [0.5, 2, 1, 3];
  const smoothing = 0.2;
  const batch = () => trainingBatches(40, { ...tinyRecipe, batchSize: 12 }).batch(0, 0);
  const network = tinyNetwork().train(false);
  const expected = scope(() => {
    const { images, labels } = batch();
    const rows = network.forward(images, { progress: 0 }).logits.detach().toArray();
    const losses = [...labels.toArray()].map((label, row) => {
      const scores = [...rows.subarray(row * classes, (row + 1) * classes)];
      const total = Math.log(scores.reduce((sum, score) => sum + Math.exp(score), 0));
      const target = (index: number) => smoothing / classes + (index === label ? 1 - smoothing : 0);
      return weights[label]! * scores.reduce((sum, score, index) => sum + target(index) * (total - score), 0);
    });
    return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  });
  for (const accumulate of [1, 3]) {
    using optimizer = new Momentum(network.namedParameters(), {});
    using sums = new StepSums('cpu');
    const recipe = { ...tinyRecipe, labelSmoothing: smoothing, accumulate };
    const weighted = tensor(weights, [classes]);
    const trainee = { network, parameters: network.parameters(), optimizer, recipe, sums, classWeights: weighted };
    scope(() => void trainingStep(trainee, { ...batch(), progress: 0, learningRate: 0, averageShare: 0 }));
    const { loss } = sums.read();
    assert.ok(Math.abs(loss - expected) < 1e-5, `${loss}, not ${expected}`);
  }
});

/** 24 images of class 0, 4 of class 1 and 2 of class 2 and 3 each, as places in a larger dataset. */
function skewedBatches(seed = 1, flip: boolean | 'alternate' = false) {
  const from = greyImages(96, 8, 'skewed'); // image i is of class i modulo 4
  const of = (label: number, count: number) => Array.from({ length: count }, (_, index) => 4 * index + label);
  const indices = Int32Array.from([...of(0, 24), ...of(1, 4), ...of(2, 2), ...of(3, 2)]);
  const whitening = { mean: [0, 0, 0], deviation: [1, 1, 1] };
  const augmentation = { ...tinyRecipe, flip };
  return new TrainingBatches({ from, indices, whitening, batchSize: 8, seed, augmentation, balanced: true });
}

test('a balanced epoch shows equally many images of each class, all of the rare ones, and others of the frequent ones the next time', () => {
  const batches = skewedBatches();
  assert.equal(batches.count, 4);
  const shown = (epoch: number) =>
    Array.from({ length: 4 }, (_, step) => [...batches.integersOf(epoch, step).subarray(0, 8)]).flat();
  for (const epoch of [0, 1, 5]) {
    const images = shown(epoch);
    assert.deepEqual(
      classCounts(
        images.map((place) => place % 4),
        4,
      ),
      [8, 8, 8, 8],
    );
    const rare = (label: number) => new Set(images.filter((place) => place % 4 === label)).size;
    assert.deepEqual([rare(1), rare(2), rare(3)], [4, 2, 2]);
    assert.equal(rare(0), 8, 'none of the frequent ones twice');
  }
  assert.notDeepEqual(new Set(shown(0)), new Set(shown(1)));
  assert.deepEqual(shown(1), shown(1), 'an epoch that is asked for again is the same');
  const other = skewedBatches();
  assert.deepEqual([...other.integersOf(5, 2)], [...batches.integersOf(5, 2)], 'whatever came before');
  assert.notDeepEqual([...skewedBatches(2).integersOf(0, 0)], [...batches.integersOf(0, 0)]);
});

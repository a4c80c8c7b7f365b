// The test view: a network is as accurate on images in the test view as on new augmentations of the same images. The
// images have stripes whose width is their class, so that a network that is tested at another scale confuses
// neighbouring classes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AugmentationName, augmentations } from '../../src/data/augmentations.ts';
import { EvaluationBatches, TrainingBatches } from '../../src/data/batches.ts';
import { imageBatch } from '../../src/data/prepare-image.ts';
import { type TestView, testViewOf } from '../../src/data/test-view.ts';
import { measureWhitening } from '../../src/data/whitening.ts';
import { tensor } from '../../src/engine/create.ts';
import { scope } from '../../src/engine/memory.ts';
import { buildNetwork, type Network } from '../../src/model/network.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { nasnetA } from '../../src/space/published.ts';
import { evaluateNetwork } from '../../src/train/evaluation.ts';
import { childRecipe } from '../../src/train/recipe.ts';
import { trainNetwork } from '../../src/train/training.ts';

const side = 16;
/** Stripe widths in pixels, each 1.25 times the one before. */
const widths = [2.4, 3, 3.75, 4.7];

/** Returns noisy stripes at random angles and positions, uint8 [count, 3, side, side], and each image's class. */
function stripes(count: number, seed: string) {
  const random = new RandomStream(seed);
  const labels = Array.from({ length: count }, (_, index) => index % widths.length);
  const pixels = labels.flatMap((label) => {
    const [angle, phase] = [random.uniform() * Math.PI, random.uniform() * 2 * Math.PI];
    const [down, across] = [Math.sin(angle) / widths[label]!, Math.cos(angle) / widths[label]!];
    const plane = Array.from({ length: side * side }, (_, pixel) => {
      const turn = Math.PI * (down * Math.floor(pixel / side) + across * (pixel % side)) + phase;
      return Math.round(128 + 70 * Math.sin(turn) + 40 * (random.uniform() - 0.5));
    });
    return [...plane, ...plane, ...plane];
  });
  return {
    images: tensor(Uint8Array.from(pixels), [count, 3, side, side]),
    labels: tensor(labels, [count], { dtype: 'int64' }),
  };
}

const train = stripes(1200, 'stripes to train on');
const unseen = stripes(600, 'stripes to test on');
const whitening = measureWhitening(
  train.images,
  Int32Array.from({ length: 1200 }, (_, index) => index),
);
const recipe = { ...childRecipe, epochs: 8, batchSize: 40, learningRate: 0.1 };

async function learn(kind: AugmentationName): Promise<Network> {
  const own = { ...recipe, ...augmentations[kind] };
  const network = buildNetwork(planNetwork(nasnetA, { cells: 0, filters: 6, input: side, classes: 4 }), { seed: 1 });
  const batches = new TrainingBatches({ from: train, whitening, batchSize: 40, seed: 1, augmentation: own });
  await trainNetwork(network, batches, own, { seed: 1 });
  return network;
}

/** Returns the accuracy on new augmentations of images that were not trained on. */
function asTrained(network: Network, kind: AugmentationName): number {
  const source = {
    from: unseen,
    whitening,
    batchSize: 50,
    seed: 2,
    augmentation: { ...recipe, ...augmentations[kind] },
  };
  const batches = new TrainingBatches(source);
  const pictures = [0, 1].flatMap((epoch) =>
    Array.from({ length: batches.count }, (_, step) => batches.batch(epoch, step)),
  );
  return evaluateNetwork(network, pictures, 4).accuracy;
}

const asTested = (network: Network, view: TestView) =>
  evaluateNetwork(network, new EvaluationBatches({ from: unseen, view, batchSize: 50 }), 4).accuracy;

for (const kind of ['enlarge', 'translate'] as const) {
  test(`${kind}: in the test view, a network is as accurate as on augmentations of the same images`, async (t) => {
    const network = await learn(kind);
    const [training, testing] = [
      asTrained(network, kind),
      asTested(network, testViewOf(augmentations[kind], whitening)),
    ];
    t.diagnostic(`training pictures ${training}, test pictures ${testing}, as stored ${asTested(network, whitening)}`);
    assert.ok(training > 0.8, `it has learnt: ${training}`);
    // 600 and 1,200 answers: 1.6 and 1.1 points of standard error at 0.8; crops show less of a stripe than the whole
    // image does
    assert.ok(testing > training - 0.05, `${testing} of the test pictures, ${training} of the training pictures`);
    if (kind === 'enlarge') {
      const stored = asTested(network, whitening);
      assert.ok(stored < training - 0.2, `stripes as stored are another class's: ${stored}`);
    }
  });
}

test('the test view is the middle one of the training crops', () => {
  const view = testViewOf({ enlarge: 1.25 }, { mean: [0, 0, 0], deviation: [1, 1, 1] });
  assert.deepEqual(view, { mean: [0, 0, 0], deviation: [1, 1, 1], enlarge: 1.25 });
  const from = { images: unseen.images.narrow(0, 0, 200), labels: unseen.labels.narrow(0, 0, 200) };
  const augmentation = { enlarge: 1.25, flip: false, cutout: 0 };
  const plain = { mean: [0, 0, 0], deviation: [1, 1, 1] };
  const batches = new TrainingBatches({ from, whitening: plain, batchSize: 200, seed: 3, augmentation });
  scope(() => {
    const shown = new EvaluationBatches({ from, view, batchSize: 200 }).batch(0).images.toArray();
    const integers = batches.integersOf(0, 0); // rows: image, flip, top, left
    const cropped = batches.batch(0, 0).images.toArray();
    const length = 3 * side * side;
    let compared = 0;
    for (let place = 0; place < 200; place++) {
      if (integers[2 * 200 + place] !== 2 || integers[3 * 200 + place] !== 2) continue;
      const image = integers[place]!;
      assert.deepEqual(
        cropped.subarray(place * length, (place + 1) * length),
        shown.subarray(image * length, (image + 1) * length),
      );
      compared += 1;
    }
    assert.ok(compared >= 3, `${compared} crops in the middle`);
  });
});

test('images that training does not enlarge, or only translates, are used as stored', () => {
  for (const kind of ['translate', 'none'] as const)
    assert.deepEqual(testViewOf(augmentations[kind], whitening), whitening);
});

test('an image file and the same image of a dataset are equal in the test view, to the bit', () => {
  const view = testViewOf({ enlarge: 1.25 }, whitening);
  const planes = unseen.images.select(0, 5).toArray(); // [3, side, side]
  const interleaved = Uint8Array.from(
    { length: planes.length },
    (_, index) => planes[(index % 3) * side * side + Math.floor(index / 3)]!,
  );
  scope(() => {
    const stored = new EvaluationBatches({ from: unseen, indices: Int32Array.of(5), view, batchSize: 1 }).batch(
      0,
    ).images;
    assert.deepEqual(imageBatch([interleaved], [side, side], view).toArray(), stored.toArray());
  });
});

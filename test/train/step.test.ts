// One step of a training: its loss by hand, and its parts against the whole.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Batch } from '../../src/data/step-batches.ts';
import { tensor } from '../../src/engine/create.ts';
import { clearGradients } from '../../src/engine/gradient.ts';
import { liveTensors, scope } from '../../src/engine/memory.ts';
import { cat } from '../../src/engine/operators.ts';
import { Momentum } from '../../src/nn/optimizers.ts';
import type { Recipe } from '../../src/train/recipe.ts';
import { StepSums, trainingStep } from '../../src/train/step.ts';
import { tinyNetwork, tinyRecipe, trainingBatches } from './images.ts';

/** Returns the loss and the gradients of a step at rate 0, clipped at a norm that none reaches. */
function stepped(recipe: Partial<Recipe>, batchOf: () => Batch, training = true) {
  const network = tinyNetwork().train(training);
  const parameters = network.parameters();
  using optimizer = new Momentum(network.namedParameters(), { momentum: 0, nesterov: false });
  using sums = new StepSums('cpu');
  const trainee = { network, parameters, optimizer, recipe: { ...tinyRecipe, clipNorm: 1e9, ...recipe }, sums };
  const before = liveTensors();
  scope(() => void trainingStep(trainee, { ...batchOf(), progress: 0, learningRate: 0, averageShare: 0 }));
  assert.equal(liveTensors(), before);
  const gradients = parameters.map((each) => [...each.grad!.toArray()]);
  clearGradients(parameters);
  const told = sums.read();
  network.dispose();
  return { gradients, ...told };
}

const batches = trainingBatches(40, { ...tinyRecipe, batchSize: 12 });
const batch = () => batches.batch(0, 0);

function assertClose(found: number[][], expected: number[][]): void {
  const size = Math.max(...expected.flat().map(Math.abs));
  found.forEach((values, index) => {
    values.forEach((value, place) => {
      const difference = Math.abs(value - expected[index]![place]!) / size;
      assert.ok(difference < 1e-5, `${value}, not ${expected[index]![place]}`);
    });
  });
}

test('label smoothing is the cross entropy with a target that all classes share in', () => {
  const smoothing = 0.2;
  const network = tinyNetwork();
  const expected = scope(() => {
    const { images, labels } = batch();
    const logits = network.forward(images, { progress: 0 }).logits.detach();
    const [count, classes] = logits.shape as [number, number];
    const rows = logits.toArray();
    const losses = [...labels.toArray()].map((label, row) => {
      const scores = [...rows.subarray(row * classes, (row + 1) * classes)];
      const total = Math.log(scores.reduce((sum, score) => sum + Math.exp(score), 0));
      const target = (index: number) => smoothing / classes + (index === label ? 1 - smoothing : 0);
      return scores.reduce((sum, score, index) => sum + target(index) * (total - score), 0);
    });
    return losses.reduce((sum, loss) => sum + loss, 0) / count;
  });
  const { loss } = stepped({ labelSmoothing: smoothing }, batch);
  assert.ok(Math.abs(loss - expected) < 1e-5, `${loss}, not ${expected}`);
});

test('the loss and gradients of mixed images are those of both labels by their shares, also in parts', () => {
  const shares = [0.3, 0.75]; // of the first labels, in turns
  const share = Float32Array.from({ length: 12 }, (_, place) => shares[place % 2]!);
  const labelled = (labelsOf: (labels: number[]) => number[]): Batch => {
    const { images, labels } = batch();
    const own = labelsOf([...labels.toArray()].map(Number));
    return { images, labels: tensor(own, [12], { dtype: 'int64' }) };
  };
  const reversed = (labels: number[]) => labels.toReversed();
  const mixed = (): Batch => ({
    ...batch(),
    mixed: { partners: labelled(reversed).labels, weights: tensor(share, [12]) },
  });
  const found = stepped({ labelSmoothing: 0.1 }, mixed, false);
  // by the linearity of the loss: each label alone, with the other half of the shares at 1 and 0
  const alone = [1, 0].map((weight) =>
    stepped(
      { labelSmoothing: 0.1 },
      () => {
        const weights = tensor(new Float32Array(12).fill(weight), [12]);
        return { ...batch(), mixed: { partners: labelled(reversed).labels, weights } };
      },
      false,
    ),
  );
  const plain = stepped({ labelSmoothing: 0.1 }, batch, false);
  const other = stepped({ labelSmoothing: 0.1 }, () => labelled(reversed), false);
  assert.ok(Math.abs(alone[0]!.loss - plain.loss) < 1e-6);
  assert.ok(Math.abs(alone[1]!.loss - other.loss) < 1e-6);
  assertClose(alone[0]!.gradients, plain.gradients);
  assertClose(alone[1]!.gradients, other.gradients);
  const half = stepped(
    { labelSmoothing: 0.1 },
    () => {
      const weights = tensor(new Float32Array(12).fill(0.25), [12]);
      return { ...batch(), mixed: { partners: labelled(reversed).labels, weights } };
    },
    false,
  );
  assert.ok(Math.abs(half.loss - (0.25 * plain.loss + 0.75 * other.loss)) < 1e-6);
  const expected = plain.gradients.map((values, index) =>
    values.map((value, place) => 0.25 * value + 0.75 * other.gradients[index]![place]!),
  );
  assertClose(half.gradients, expected);
  const parts = stepped({ labelSmoothing: 0.1, accumulate: 5 }, mixed, false);
  assert.ok(Math.abs(parts.loss - found.loss) < 1e-6);
  assertClose(parts.gradients, found.gradients);
});

test('in parts, with norms that are frozen, a step has the gradients, the loss and the correct predictions of the whole', () => {
  const whole = stepped({}, batch, false);
  for (const accumulate of [2, 3, 5, 12, 40]) {
    const parts = stepped({ accumulate }, batch, false);
    assertClose(parts.gradients, whole.gradients);
    assert.ok(Math.abs(parts.loss - whole.loss) < 1e-6);
    assert.deepEqual([parts.correct, parts.finite], [whole.correct, 1]);
  }
});

test('with norms over each part, equal parts have the gradients of the whole', () => {
  const twice = () =>
    scope(() => {
      const { images, labels } = batch();
      return { images: cat([images, images]).contiguous('channels_last'), labels: cat([labels, labels]) };
    });
  const [whole, parts] = [stepped({}, twice), stepped({ accumulate: 2 }, twice)];
  assertClose(parts.gradients, whole.gradients);
  assert.equal(parts.correct, whole.correct);
});

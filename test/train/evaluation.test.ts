import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noGrad } from '../../src/engine/memory.ts';
import { evaluateNetwork } from '../../src/train/evaluation.ts';
import type { TrainingFailure } from '../../src/train/training-failure.ts';
import { classes, evaluationBatches, tinyNetwork } from './images.ts';

test('accuracy and loss equal those computed image by image', () => {
  const network = tinyNetwork();
  network.train(false);
  let [loss, right, count] = [0, 0, 0];
  const perClass = Array.from({ length: classes }, () => [0, 0]);
  noGrad(() => {
    for (const { images, labels } of evaluationBatches(22)) {
      const logits = network.forward(images).logits.toArray();
      labels.toArray().forEach((label, row) => {
        const scores = [...logits.slice(row * classes, (row + 1) * classes)];
        const total = Math.log(scores.reduce((sum, score) => sum + Math.exp(score), 0));
        loss += total - scores[label]!;
        const answer = scores.indexOf(Math.max(...scores));
        perClass[label]![1]! += 1;
        if (answer === label) {
          right += 1;
          perClass[label]![0]! += 1;
        }
        count += 1;
      });
    }
  });
  const measured = evaluateNetwork(network, evaluationBatches(22), classes);
  assert.equal(measured.images, 22);
  assert.equal(measured.accuracy, right / count);
  assert.ok(Math.abs(measured.loss - loss / count) < 1e-5);
  assert.deepEqual(
    measured.classAccuracies,
    perClass.map(([hits, all]) => hits! / all!),
  );
});

test('a network with logits that are not finite fails with a kind of failure', () => {
  const network = tinyNetwork();
  noGrad(() => network.parameters()[0]!.fill_(Number.NaN));
  assert.throws(
    () => evaluateNetwork(network, evaluationBatches(4), classes),
    (error: TrainingFailure) => error.kind === 'not-a-number',
  );
});

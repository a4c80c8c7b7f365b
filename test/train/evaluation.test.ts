import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tensor } from '../../src/engine/create.ts';
import { noGrad } from '../../src/engine/memory.ts';
import { evaluateNetwork, Tally } from '../../src/train/evaluation.ts';
import type { Trainable } from '../../src/train/trainable.ts';
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

test('images that are averaged down are evaluated as such images are', () => {
  const network = tinyNetwork(1, 16);
  const small = [...evaluationBatches(22, 16)].map(({ images, labels }) => ({
    images: images.reshape([-1, 3, 8, 2, 8, 2]).mean([3, 5]),
    labels,
  }));
  const { loss, images } = evaluateNetwork(network, evaluationBatches(22, 16), classes, 8);
  assert.equal(images, 22);
  assert.ok(Math.abs(loss - evaluateNetwork(network, small, classes).loss) < 1e-5);
  assert.notEqual(loss, evaluateNetwork(network, evaluationBatches(22, 16), classes).loss);
});

test('a network with logits that are not finite fails with a kind of failure', () => {
  const network = tinyNetwork();
  noGrad(() => network.parameters()[0]!.fill_(Number.NaN));
  assert.throws(
    () => evaluateNetwork(network, evaluationBatches(4), classes),
    (error: TrainingFailure) => error.kind === 'not-a-number',
  );
});

test('by hand: what is taken for what, the mean of the classes, and the worst images', () => {
  // Probabilities that answer each of eight images; the classes are a (4 images), b (3), c (1) and d (none).
  const rows: [label: number, probabilities: number[]][] = [
    [0, [0.7, 0.1, 0.1, 0.1]],
    [0, [0.1, 0.6, 0.2, 0.1]], // a for b
    [1, [0.5, 0.3, 0.1, 0.1]], // b for a
    [0, [0.3, 0.5, 0.1, 0.1]], // a for b
    [1, [0.2, 0.5, 0.2, 0.1]],
    [2, [0.05, 0.05, 0.02, 0.88]], // c for d
    [1, [0.1, 0.8, 0.05, 0.05]],
    [0, [0.4, 0.4, 0.1, 0.1]], // of equal ones the first
  ];
  const logits = tensor(Float32Array.from(rows.flatMap(([, each]) => each.map(Math.log))), [8, 4]);
  const network = { device: 'cpu', forward: (images: unknown) => ({ logits: images }) } as unknown as Trainable;
  const tally = new Tally(4);
  const labels = tensor(rows.map(([label]) => label), [8], { dtype: 'int64' }); // biome-ignore format: short
  tally.add(network, { images: logits.narrow(0, 0, 5), labels: labels.narrow(0, 0, 5) }, (row) => row);
  tally.add(network, { images: logits.narrow(0, 5, 3), labels: labels.narrow(0, 5, 3) }, (row) => 5 + row);
  const resumed = new Tally(4, { counts: JSON.parse(JSON.stringify(tally.counts)) });
  for (const { accuracy, balancedAccuracy, classAccuracies, classImages, confusions, worst } of [
    tally.accuracy(),
    resumed.accuracy(),
  ]) {
    assert.equal(accuracy, 4 / 8);
    assert.deepEqual(classAccuracies, [2 / 4, 2 / 3, 0, Number.NaN]);
    assert.ok(Math.abs(balancedAccuracy - (2 / 4 + 2 / 3 + 0) / 3) < 1e-12);
    assert.deepEqual(classImages, [4, 3, 1, 0]);
    assert.deepEqual(confusions, [
      { label: 0, answer: 1, images: 2 },
      { label: 1, answer: 0, images: 1 },
      { label: 2, answer: 3, images: 1 },
    ]);
    assert.deepEqual(
      worst.map(({ place, label, answer }) => [place, label, answer]),
      [
        [5, 2, 3],
        [1, 0, 1],
        [2, 1, 0],
        [3, 0, 1],
      ],
    );
    assert.ok(Math.abs(worst[0]!.probability - 0.88) < 1e-6 && Math.abs(worst[0]!.labelProbability - 0.02) < 1e-6);
  }
});

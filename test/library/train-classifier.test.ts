// Training through the library: it is reproducible, agrees with later evaluations, and refuses impossible trainings.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { datasetFrom } from '../../src/data/custom-dataset.ts';
import { setThreads } from '../../src/engine/machine.ts';
import { createClassifier, loadClassifier } from '../../src/library/classifier.ts';
import { evaluateClassifier, trainClassifier } from '../../src/library/train-classifier.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { nasnetA } from '../../src/space/published.ts';
import { temporaryFolder } from '../data/temporary.ts';

setThreads(1);
const folder = temporaryFolder({ after });
const random = new RandomStream('shades');
const images = Array.from({ length: 120 }, (_, index) => ({
  pixels: Uint8Array.from({ length: 16 * 16 * 3 }, () => 40 * (index % 3) + random.integer(150)),
  label: index % 3,
}));
const shades = { name: 'shades', classes: ['dark', 'grey', 'light'], height: 16, width: 16, train: images };
const files = await datasetFrom(shades, { cache: join(folder, 'cache') });
const sizes = { cells: 0, filters: 4, input: 8, classes: files.classes }; // half of the images' side
const choices = { epochs: 2, batchSize: 12, learningRate: 0.05, cutout: 2 };

test('measured again, also from its file, a network has the accuracy that its training reported', async () => {
  using network = createClassifier(nasnetA, { ...sizes, auxiliary: true, input: 16 });
  const epochs: number[] = [];
  const { test: trained, validation } = await trainClassifier(network, files, {
    ...choices,
    onEpoch: ({ epoch, validation: seen }) => epochs.push(epoch, seen!.images),
  });
  assert.deepEqual(epochs, [1, validation.images, 2, validation.images]);
  assert.equal(trained.images, files.test.count);
  const { loss, accuracy } = await evaluateClassifier(network, files);
  assert.deepEqual([loss, accuracy], [trained.loss, trained.accuracy]);
  network.save(join(folder, 'shades.safetensors'));
  using loaded = loadClassifier(join(folder, 'shades.safetensors'));
  assert.deepEqual(loaded.classes, shades.classes);
  assert.equal((await evaluateClassifier(loaded, files)).loss, trained.loss);
});

test('the same seeds give the same network to the bit, another seed another', async () => {
  const weights = async (seed: number) => {
    using network = createClassifier(nasnetA, sizes);
    await trainClassifier(network, files, { ...choices, seed });
    return network.network.stateDict()['head.linear.weight']!.toArray();
  };
  const [one, again, other] = [await weights(1), await weights(1), await weights(2)];
  assert.deepEqual(one, again);
  assert.notDeepEqual(one, other);
});

test('classes that differ from the dataset’s, and images that are not square, are refused', async () => {
  using two = createClassifier(nasnetA, { ...sizes, classes: 2 });
  await assert.rejects(trainClassifier(two, files), /^InputError: classes: expected 2, as the network has, got 3/);
  await assert.rejects(evaluateClassifier(two, files), /^InputError: classes: expected 2/);
  using oblong = createClassifier(nasnetA, { ...sizes, input: [8, 16] });
  await assert.rejects(trainClassifier(oblong, files), /^InputError: input: expected a square network to train/);
});

test('a signal stops the training', async () => {
  using network = createClassifier(nasnetA, sizes);
  const stop = new AbortController();
  const training = trainClassifier(network, files, {
    ...choices,
    epochs: 1000,
    onEpoch: () => stop.abort(new Error('enough')),
    signal: stop.signal,
  });
  await assert.rejects(training, /enough/);
  assert.equal(network.network.training, false);
});

// Imported weights against the peer: the released graph in PyTorch, which shares no code with ours. Skipped if Python
// has no torch.
// test/peers/compare-large.ts compares the large model at full size, which takes a minute and 2 GB.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, test } from 'node:test';
import type { Tensor } from '../../src/engine/tensor.ts';
import { InputError } from '../../src/failure.ts';
import { importWeights } from '../../src/import/import-weights.ts';
import { openWeightFile } from '../../src/import/weight-file.ts';
import { readModel, writeModel } from '../../src/model/model-file.ts';
import { imagenetPreprocessing } from '../../src/model/preprocessing.ts';
import { readSafetensors } from '../../src/nn/safetensors.ts';
import { mistakes, peerMissing, relativeDifference, temporaryFolder, writeKerasFile, writePeerFiles } from './peer.ts';

const skip = peerMissing();
const agreement = 1e-4; // relative to the largest logit
const folder = temporaryFolder();
let results: Record<string, Tensor>;
let keras: Record<string, Tensor>;

before(async () => {
  if (skip) return;
  results = writePeerFiles('mobile', folder, ['--images', '1', '--mistakes', ...mistakes]);
  keras = readSafetensors(join(folder, 'keras.safetensors')).tensors;
  await writeKerasFile(join(folder, 'keras.h5'), keras, 'save_weights');
});

const relative = (logits: Tensor) =>
  logits.sub(results.logits!).abs().max().item() / results.logits!.abs().max().item();

test('the comparison detects each mistake that a port can make', { skip }, () => {
  assert.ok(results.logits!.variance().sqrt().item() > 0.3, 'the logits of different classes differ');
  for (const mistake of mistakes) {
    const difference = relative(results[mistake]!);
    assert.ok(difference > 100 * agreement, `${mistake}: ${difference}`);
  }
});

for (const [file, source] of [
  ['keras.h5', 'keras'],
  ['torch.safetensors', 'cadene'],
  ['zip.pth', 'cadene'],
  ['legacy.pth', 'cadene'],
] as const) {
  test(`NASNet-A mobile from ${file} gives the released graph's logits`, { skip }, async () => {
    const { network, match, description } = await importWeights(join(folder, file));
    const difference = relativeDifference(network, results.images!, results.logits!);
    assert.ok(difference < agreement, `${difference}`);
    assert.equal(match.source, source);
    assert.equal(match.model, 'mobile');
    assert.deepEqual([description.classes.length, description.classes[0]], [1000, 'tench']);
    network.dispose();
  });
}

test('the model file gives the same logits, and contains its origin and preprocessing', {
  skip,
}, async () => {
  const imported = await importWeights(join(folder, 'keras.h5'));
  const path = join(folder, 'ours.safetensors');
  writeModel(path, imported.network, imported.description);
  const { network, description } = readModel(path);
  assert.ok(relativeDifference(network, results.images!, results.logits!) < agreement);
  assert.equal(description.origin, 'imported from Keras applications, keras.h5');
  assert.deepEqual(description.preprocessing, { ...imagenetPreprocessing, centralFraction: 1 });
});

for (const layout of ['save', 'nested'] as const) {
  test(`Keras's layout "${layout}" gives the same tensors as "save_weights"`, { skip }, async () => {
    const some = Object.fromEntries(Object.entries(keras).slice(0, 30));
    const file = await openWeightFile(await writeKerasFile(join(folder, `${layout}.h5`), some, layout));
    assert.deepEqual([...file.tensors.keys()].sort(), Object.keys(some).sort());
    for (const [name, tensor] of Object.entries(some))
      assert.deepEqual(file.tensors.get(name)!.read().toArray(), tensor.toArray());
    assert.deepEqual(file.others, layout === 'save' ? ['optimizer_weights'] : []);
    file.close();
  });
}

test('weights without a classifier are refused without --classes, and get a new classifier with it', {
  skip,
}, async () => {
  const body = Object.fromEntries(Object.entries(keras).filter(([name]) => !name.startsWith('predictions/')));
  const path = await writeKerasFile(join(folder, 'no-top.h5'), body, 'save_weights');
  await assert.rejects(importWeights(path), (error) => {
    return (
      error instanceof InputError &&
      error.message ===
        `${path}: expected a classifier, got weights without one (no top); a number N of classes starts a new one of N classes`
    );
  });
  const { network, match, description } = await importWeights(path, { classes: 5 });
  assert.deepEqual(description.classes, ['class_0', 'class_1', 'class_2', 'class_3', 'class_4']);
  assert.equal(match.classifier, false);
  const state = network.stateDict();
  assert.deepEqual(state['head.linear.weight']!.shape, [5, 1056]);
  assert.ok(state['head.linear.weight']!.abs().max().item() > 0, 'the new classifier can learn');
  assert.deepEqual(state['stem.norm.scale']!.toArray(), keras['stem_bn1/gamma']!.toArray());
});

// Networks through the library: features, and saved files that give the same logits.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { randn } from '../../src/engine/create.ts';
import { setThreads } from '../../src/engine/machine.ts';
import { scope } from '../../src/engine/memory.ts';
import { Generator } from '../../src/engine/random.ts';
import { createClassifier, loadClassifier } from '../../src/library/classifier.ts';
import { nasnetA } from '../../src/space/published.ts';
import { temporaryFolder } from '../data/temporary.ts';

setThreads(1);

test('every endpoint has the shape in the plan, in both layouts', () => {
  const networks = [
    createClassifier(nasnetA, { cells: 1, filters: 4, input: [16, 24] }),
    createClassifier(nasnetA, { layout: 'imagenet', cells: 1, filters: 8, input: 67, classes: 3 }),
  ];
  for (const network of networks) {
    const [height, width] = network.plan.input;
    scope(() => {
      const features = network.features(randn([2, 3, height, width]), network.endpoints);
      for (const { name, shape } of network.plan.endpoints) {
        if (name === 'global_pool') continue;
        assert.deepEqual(features[name]!.shape, [2, shape[2], shape[0], shape[1]], name);
      }
    });
    network.dispose();
  }
});

test('the last endpoint leads to the logits: ReLU, mean over the image, the linear layer', () => {
  using network = createClassifier(nasnetA, { cells: 1, filters: 4, input: 8, classes: 3 });
  scope(() => {
    const images = randn([1, 3, 8, 8], { generator: new Generator(1) });
    const last = network.endpoints.at(-1)!;
    const features = network.features(images, [last])[last]!;
    const [, channels, height, width] = features.shape as [number, number, number, number];
    const values = features.contiguous().toArray();
    const pooled = Array.from({ length: channels }, (_, channel) => {
      const pixels = Array.from(values.subarray(channel * height * width, (channel + 1) * height * width), Number);
      return pixels.reduce((sum, value) => sum + Math.max(0, value), 0) / (height * width);
    });
    const state = network.network.stateDict();
    const weight = Array.from(state['head.linear.weight']!.toArray(), Number);
    const bias = Array.from(state['head.linear.bias']!.toArray(), Number);
    const expected = bias.map((value, row) =>
      pooled.reduce((sum, feature, column) => sum + feature * weight[row * channels + column]!, value),
    );
    network
      .logits(images)
      .toArray()
      .forEach((logit, index) => {
        assert.ok(Math.abs(Number(logit) - expected[index]!) < 1e-5, `${logit} for ${expected[index]}`);
      });
  });
});

test('an unknown endpoint is refused with a list of the known ones', () => {
  using network = createClassifier(nasnetA, { cells: 1, filters: 4, input: 8 });
  scope(() => {
    const ask = () => network.features(randn([1, 3, 8, 8]), ['Cell_11']);
    assert.throws(ask, {
      code: 'unknown-endpoint',
      message: /^features: expected one of Stem, Cell_0, .*got "Cell_11"$/,
    });
  });
});

test('a loaded network gives the same results as the saved one, for tensors and for files', async (context) => {
  const folder = temporaryFolder(context);
  using network = createClassifier(nasnetA, {
    cells: 1,
    filters: 4,
    input: 16,
    classes: ['oak', 'ash', 'elm'],
    seed: 7,
  });
  network.save(join(folder, 'trees.safetensors'));
  using loaded = loadClassifier(join(folder, 'trees.safetensors'));
  assert.deepEqual(loaded.classes, ['oak', 'ash', 'elm']);
  scope(() => {
    const images = randn([2, 3, 16, 16]);
    assert.deepEqual(loaded.logits(images).toArray(), network.logits(images).toArray());
  });
  const photo = join(folder, 'photo.png');
  await sharp({ create: { width: 40, height: 30, channels: 3, background: '#804020' } }).toFile(photo);
  const [answer] = await loaded.classify([photo], { count: 2 });
  assert.equal(answer!.length, 2);
  assert.deepEqual(await network.classify([photo], { count: 2 }), [answer]);
  await assert.rejects(network.classify([join(folder, 'none.png')]), { name: 'InputError' });
});

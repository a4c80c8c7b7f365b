// Custom operations: their stored form, their cost, and networks with them, which compute the same everywhere.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { datasetFrom } from '../../src/data/custom-dataset.ts';
import { randn } from '../../src/engine/create.ts';
import { setThreads } from '../../src/engine/machine.ts';
import { scope } from '../../src/engine/memory.ts';
import { pythonSource } from '../../src/export/pytorch/export-pytorch.ts';
import { createClassifier, loadClassifier } from '../../src/library/classifier.ts';
import { trainClassifier } from '../../src/library/train-classifier.ts';
import { countElements, layerMultiplyAdds, layerParameters } from '../../src/plan/layer-cost.ts';
import { LayerPath } from '../../src/plan/layer-path.ts';
import { layOperation } from '../../src/plan/plan-operation.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { decode } from '../../src/space/decisions.ts';
import { operations } from '../../src/space/operations.ts';
import { defineOperation, type OwnOperation } from '../../src/space/own-operation.ts';
import { parseArchitectureText } from '../../src/space/parse.ts';
import { printArchitecture } from '../../src/space/print.ts';
import { defineSpace } from '../../src/space/search-space.ts';
import { temporaryFolder } from '../data/temporary.ts';

setThreads(1);

const bottleneck = defineOperation({
  label: 'bottleneck ×3',
  layers: (path, { filters, stride }) =>
    path
      .relu()
      .convolution('widen', { channels: 3 * filters })
      .batchNorm('widen_norm')
      .depthwise('depthwise', { kernel: 3, stride })
      .batchNorm('depthwise_norm')
      .convolution('narrow', { channels: filters })
      .batchNorm('narrow_norm'),
});
const pooled = defineOperation({
  label: 'pool, half',
  layers: (path, { filters, stride }) => {
    const start = stride === 2 ? path.pool('max-pool', 3, 2) : path; // other layers for stride 2
    return start
      .relu()
      .convolution('across', { channels: filters / 2, kernel: [1, 5] })
      .convolution('down', { channels: filters, kernel: [5, 1] })
      .batchNorm();
  },
});
const space = defineSpace({
  name: 'mine',
  operations: { identity: operations.identity, bottleneck, pooled },
  blocks: 2,
});
/** An architecture with both operations in both cells, on inputs and a created state. */
const architecture = decode([0, 1, 1, 2, 0, 2, 0, 1, 2, 1, 0, 1, 1, 2, 0, 2, 0, 1, 2, 0], space);
const norm = { decay: 0.9, epsilon: 1e-5 };

test('its cost is the sum over its layers, counted by hand', () => {
  // 6 channels in, f = 4, on 8 × 8 pixels, striding: 1×1 6 → 12, depthwise 3×3 of 12 to 4 × 4, 1×1 12 → 4; scale and
  // shift each.
  const { layers, shape } = layOperation(new LayerPath([8, 8, 6], 'path', norm), 'bottleneck', 4, 2, space.operations);
  assert.deepEqual(shape, [4, 4, 4]);
  const parameters = layers.flatMap(layerParameters);
  assert.equal(countElements(parameters, { statistics: false }), 6 * 12 + 24 + 9 * 12 + 24 + 12 * 4 + 8);
  const multiplyAdds = layers.reduce((sum, layer) => sum + layerMultiplyAdds(layer), 0);
  assert.equal(multiplyAdds, 64 * 6 * 12 + 16 * 9 * 12 + 16 * 12 * 4);
});

test('sizes follow the filters and the stride, including odd sizes', () => {
  for (const name of ['bottleneck', 'pooled'])
    for (const stride of [1, 2] as const)
      for (const [side, filters] of [
        [7, 3],
        [8, 10],
        [1, 1],
      ] as const) {
        const path = new LayerPath([side, side, 5], 'path', norm);
        const { shape } = layOperation(path, name, filters, stride, space.operations);
        const small = Math.ceil(side / stride);
        assert.deepEqual(shape, [small, small, filters], `${name}, stride ${stride}`);
      }
});

test('it is plain JSON, and is read unchanged from an architecture file', () => {
  assert.deepEqual(JSON.parse(JSON.stringify(bottleneck)), bottleneck);
  assert.deepEqual(parseArchitectureText(printArchitecture(architecture)), architecture);
});

test('a network with it trains, is saved, and its ONNX file computes the same', async (context) => {
  const folder = temporaryFolder(context);
  const random = new RandomStream('squares');
  const train = Array.from({ length: 160 }, (_, index) => ({
    pixels: Uint8Array.from({ length: 192 }, () => 90 * (index % 2) + random.integer(150)),
    label: index % 2,
  }));
  const images = { name: 'squares', classes: ['a', 'b'], height: 8, width: 8, train };
  const files = await datasetFrom(images, { cache: join(folder, 'cache') });
  using network = createClassifier(architecture, { cells: 1, filters: 4, input: 8, classes: 2 });
  const { test: found } = await trainClassifier(network, files, { epochs: 4, batchSize: 16, learningRate: 0.05 });
  assert.ok(found.accuracy > 0.9, `${found.accuracy}`);
  network.save(join(folder, 'mine.safetensors'));
  using loaded = loadClassifier(join(folder, 'mine.safetensors'));
  scope(() => {
    const images = randn([2, 3, 8, 8]);
    assert.deepEqual(loaded.logits(images).toArray(), network.logits(images).toArray());
  });
  const { largestDifference } = await loaded.exportOnnx(join(folder, 'mine.onnx'));
  assert.ok(largestDifference! < 1e-4);
});

test('the PyTorch export, whose operations are written by hand, refuses it', () => {
  using network = createClassifier(architecture, { cells: 1, filters: 4, input: 8, classes: 2 });
  assert.throws(() => pythonSource('mine', network.network, network.description), { code: 'own-operation' });
});

test('an invalid operation is refused, and the message names the layer', () => {
  const refused = (layers: OwnOperation['layers'], sentence: RegExp) =>
    assert.throws(() => defineOperation({ label: 'x', layers }), { name: 'InputError', message: sentence });
  refused(
    (path) => path.relu(),
    /^layers, stride 1: expected its last convolution to give `filters` channels, got none$/,
  );
  refused((path, { filters }) => path.convolution('a', { channels: 2 * filters }), /got \{"ofFilters":2\}$/);
  refused((path) => path.convolution('a', { channels: 64 }), /got 64$/);
  refused(
    (path, { filters }) => path.convolution('a', { channels: filters }),
    /^layers, stride 2: expected strides whose product is 2 vertically and horizontally, got 1 and 1$/,
  );
  refused(
    (path, { filters }) => path.convolution('a', { channels: filters ** 2 }),
    /^layers, stride 1\[0\]\.channels: expected a number, or one in proportion/,
  );
  refused(
    (path, { filters }) => (filters > 300 ? path.relu() : path.convolution('a', { channels: filters })),
    /same calls whatever the filters are/,
  );
  refused(
    (path, { filters, stride }) => path.convolution('a', { channels: filters, stride }).batchNorm('a'),
    /expected each name once, got "a" twice$/,
  );
  refused(
    (path, { filters, stride }) => path.convolution('a', { channels: filters, stride, kernel: 0 }),
    /\[0\]\.kernel: expected a whole number from 1 to 31, or two, got 0$/,
  );
});

// Creates a dataset from an async iterator, trains a network on it, saves and loads it, and exports it to ONNX.

import { statSync } from 'node:fs';
import { createClassifier, datasetFrom, loadClassifier, nasnetA, RandomStream, ready, trainClassifier } from 'nasnet';

await ready({ threads: 1 });

const size = 16;
const classes = ['dark', 'bright'];

/** Yields images of noise around a brightness; they could come from a database or the network. */
async function* noise(count: number, seed: number) {
  const random = new RandomStream(seed);
  for (let index = 0; index < count; index++) {
    const label = index % 2;
    // [height, width, 3]
    const pixels = Uint8Array.from({ length: size * size * 3 }, () => 70 * label + random.integer(160));
    yield { pixels, label: classes[label]! };
  }
}

const files = await datasetFrom({
  name: 'brightness',
  classes,
  height: size,
  width: size,
  train: () => noise(400, 1),
  test: () => noise(100, 2),
});
console.log(`${files.train.count} training images, ${files.test.count} test images`);

using classifier = createClassifier(nasnetA, { cells: 0, filters: 4, input: size, classes });
const { validation, test } = await trainClassifier(classifier, files, {
  epochs: 2,
  batchSize: 20,
  learningRate: 0.1,
  onEpoch: ({ epoch, loss }) => console.log(`epoch ${epoch}: loss ${loss.toFixed(3)}`),
});
console.log(`validation ${validation.accuracy.toFixed(2)}, test ${test.accuracy.toFixed(2)}`);

classifier.save('brightness.safetensors');
using loaded = loadClassifier('brightness.safetensors');
// remove `verify: false` if onnxruntime-node is installed
await loaded.exportOnnx('brightness.onnx', { verify: false });
console.log(`${loaded.classes.join(' or ')}: ${statSync('brightness.onnx').size} bytes of ONNX`);

// A complete search: PPO proposes architectures, a small network of each is trained, its validation accuracy is the
// reward, and the best cell becomes a larger network. Run it again after a kill: finished trials are not trained again.

import { createClassifier, datasetFrom, openStudy, ppo, RandomStream, ready, trainClassifier } from 'nasnet';

await ready({ threads: 1 });

const size = 8;
const random = new RandomStream('stripes');
const images = Array.from({ length: 600 }, (_, index) => {
  const label = index % 2; // 0: horizontal stripes, 1: vertical ones
  const phase = random.integer(4);
  const pixels = Uint8Array.from({ length: size * size * 3 }, (_, byte) => {
    const [row, column] = [Math.floor(byte / 3 / size), Math.floor(byte / 3) % size];
    return ((label === 0 ? row : column) + phase) % 4 < 2 ? 100 + random.integer(100) : random.integer(100);
  });
  return { pixels, label };
});
const files = await datasetFrom({
  name: 'stripes',
  classes: ['lying', 'standing'],
  height: size,
  width: size,
  train: images,
});

using study = openStudy('stripes.db', {
  strategy: ppo({ batchSize: 3, learningRate: 0.002 }),
  blocks: 2,
  trials: 6,
  subject: 'stripes',
});
for (const trial of study.trials()) {
  using child = createClassifier(trial.architecture, { cells: 0, filters: 4, input: size, classes: files.classes });
  try {
    const { validation } = await trainClassifier(child, files, {
      epochs: 1,
      batchSize: 20,
      seed: trial.number,
      enlarge: 1,
      flip: false,
      onEpoch: ({ epoch, loss }) => trial.report({ epoch, loss }),
    });
    trial.tell({ reward: validation.accuracy });
  } catch (error) {
    trial.fail(error as Error); // such as a NaN loss; reported to the strategy
  }
}

const [best] = study.best();
using network = createClassifier(best!.architecture, { cells: 1, filters: 8, input: size, classes: files.classes });
const { test } = await trainClassifier(network, files, { epochs: 2, batchSize: 20, enlarge: 1, flip: false });
console.log(`${study.asked} trials; the best cell, larger: test accuracy ${test.accuracy.toFixed(2)}`);

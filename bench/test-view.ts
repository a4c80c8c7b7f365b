// Measures the loss of accuracy when a network is tested at another scale than in training, and the best augmentation
// at a size: NASNet-A is trained with each augmentation and tested on images that are enlarged by several factors and
// cropped to the centre.
//   node bench/test-view.ts [--augment enlarge,translate,none] [--sides 1,1.125,1.25,1.375] [--seeds 3] [--seed 1]
//                           [--threads 2] [--parts validation,test] [--dataset cifar10] [--size 64] [--json FILE]
//                           [CASE...]
// A case is N:F:PIXELS:IMAGES:EPOCHS:BATCH:RATE as in bench/proxies.ts; 0 images are all. Choose an augmentation by its
// row of validation images; the test images confirm it. The factor that follows from the augmentation
// (data/test-view.ts) is marked with *.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { augmentationNames, augmentations } from '../src/data/augmentations.ts';
import { EvaluationBatches, TrainingBatches } from '../src/data/batches.ts';
import { prepareCifar10 } from '../src/data/cifar10.ts';
import { openDataset } from '../src/data/dataset.ts';
import { prepareImageFolder } from '../src/data/image-folder.ts';
import { split } from '../src/data/split.ts';
import { testViewOf } from '../src/data/test-view.ts';
import { measureWhitening } from '../src/data/whitening.ts';
import { setThreads } from '../src/engine/machine.ts';
import { buildNetwork } from '../src/model/network.ts';
import { planNetwork } from '../src/plan/plan.ts';
import { RandomStream } from '../src/random/stream.ts';
import { nasnetA } from '../src/space/published.ts';
import { evaluateNetwork } from '../src/train/evaluation.ts';
import { trainNetwork } from '../src/train/training.ts';
import { mean, trainingOf, variance } from './proxy-children.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    augment: { type: 'string', default: augmentationNames.join(',') },
    sides: { type: 'string', default: '1,1.125,1.25,1.375' },
    seeds: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
    threads: { type: 'string', default: '2' },
    parts: { type: 'string', default: 'validation,test' },
    dataset: { type: 'string', default: 'cifar10' },
    size: { type: 'string', default: '32' },
    json: { type: 'string' },
  },
});
const cases = positionals.length > 0 ? positionals : ['1:16:16:0:4:128:0.2', '1:8:16:0:5:64:0.1'];
const factors = values.sides.split(',').map(Number);
const seeds = Array.from({ length: Number(values.seeds) }, (_, index) => Number(values.seed) + index);
setThreads(Number(values.threads));
const files =
  values.dataset === 'cifar10'
    ? await prepareCifar10()
    : await prepareImageFolder(values.dataset, { size: Number(values.size) });

/** Returns accuracies by part and factor. */
async function measure(text: string, augmentation: string, seed: number): Promise<number[][]> {
  const training = trainingOf(text);
  const { cells, filters, resolution, trainingImages } = training;
  const recipe = { ...training.recipe, ...augmentations[augmentation as keyof typeof augmentations] };
  const { train, test, classes } = await openDataset(files, { resolution });
  const parts = split(files, { ...(trainingImages && { training: trainingImages }), seed });
  const whitening = measureWhitening(train.images, parts.train);
  const plan = planNetwork(nasnetA, { cells, filters, input: resolution, classes: classes.length });
  const network = buildNetwork(plan, { seed: new RandomStream(seed).split('weights').integer(2 ** 31) });
  const { batchSize } = recipe;
  const batches = new TrainingBatches({
    from: train,
    indices: parts.train,
    whitening,
    batchSize,
    seed,
    augmentation: recipe,
  });
  await trainNetwork(network, batches, recipe, { seed });
  const shown = { validation: { from: train, indices: parts.validation }, test: { from: test } };
  const accuracies = values.parts.split(',').map((part) =>
    factors.map((enlarge) => {
      const images = { ...shown[part as keyof typeof shown], batchSize: 64, view: testViewOf({ enlarge }, whitening) };
      return evaluateNetwork(network, new EvaluationBatches(images), classes.length).accuracy;
    }),
  );
  network.dispose();
  return accuracies;
}

const found: { case: string; augmentation: string; accuracies: number[][][]; seconds: number }[] = [];
const columns = factors.map((factor) => `× ${factor}`).join(' | ');
console.log(`${files.name}, ${seeds.length} seeds: accuracy in %, mean ± deviation over the seeds, by enlargement\n`);
console.log(`| N:F:pixels:images:epochs:batch:rate | augmentation | images | ${columns} |`);
console.log(`| --- | --- | --- | ${factors.map(() => '---').join(' | ')} |`);
for (const text of cases) {
  for (const augmentation of values.augment.split(',')) {
    const started = performance.now();
    const accuracies: number[][][] = [];
    for (const seed of seeds) accuracies.push(await measure(text, augmentation, seed));
    const rule = augmentations[augmentation as keyof typeof augmentations].enlarge;
    for (const [part, name] of values.parts.split(',').entries()) {
      const cells = factors.map((factor, place) => {
        const some = accuracies.map((each) => 100 * each[part]![place]!);
        const spread = some.length > 1 ? ` ± ${Math.sqrt(variance(some)).toFixed(2)}` : '';
        return `${mean(some).toFixed(2)}${spread}${factor === rule ? '*' : ''}`;
      });
      console.log(`| ${text} | ${augmentation} | ${name} | ${cells.join(' | ')} |`);
    }
    found.push({ case: text, augmentation, accuracies, seconds: (performance.now() - started) / 1000 });
  }
}
if (values.json) writeFileSync(values.json, `${JSON.stringify({ options: values, factors, found }, null, 2)}\n`);

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
import { Child } from '../src/children/child-network.ts';
import { augmentationNames, augmentations } from '../src/data/augmentations.ts';
import { EvaluationBatches } from '../src/data/batches.ts';
import { prepareCifar10 } from '../src/data/cifar10.ts';
import { prepareImageFolder } from '../src/data/image-folder.ts';
import { testViewOf } from '../src/data/test-view.ts';
import { openTrainingImages, trainingBatches } from '../src/data/training-images.ts';
import { cpu, onCpu } from '../src/engine/device.ts';
import { setThreads } from '../src/engine/machine.ts';
import { nasnetA } from '../src/space/published.ts';
import { mean } from '../src/statistics/order.ts';
import { evaluateNetwork } from '../src/train/evaluation.ts';
import { trainNetwork } from '../src/train/training.ts';
import { trainingOf, variance } from './proxy-children.ts';

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
  const stated = trainingOf(text);
  const { resolution, trainingImages } = stated;
  const recipe = { ...stated.recipe, ...augmentations[augmentation as keyof typeof augmentations] };
  const images = await openTrainingImages(files, { resolution, training: trainingImages, device: cpu, seed });
  const { dataset, parts, whitening } = images;
  const classes = dataset.classes.length;
  using child = new Child(nasnetA, { ...stated, recipe }, { classes, seed, computing: onCpu });
  const { network, optimizer } = child;
  await trainNetwork(network, trainingBatches(images, recipe, seed), recipe, { seed, optimizer });
  const shown = { validation: { from: dataset.train, indices: parts.validation }, test: { from: dataset.test } };
  return values.parts.split(',').map((part) =>
    factors.map((enlarge) => {
      const shownAs = { ...shown[part as keyof typeof shown], batchSize: 64, view: testViewOf({ enlarge }, whitening) };
      return evaluateNetwork(network, new EvaluationBatches(shownAs), classes).accuracy;
    }),
  );
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

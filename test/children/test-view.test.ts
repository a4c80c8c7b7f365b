// A training's own figures and the model file that it leaves: whoever opens the file and the image files gets the same answers.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import sharp from 'sharp';
import type { ArtifactKey } from '../../src/artifacts.ts';
import { type TrainingJob, trainer } from '../../src/children/training-job.ts';
import { referenceTo } from '../../src/data/dataset-files.ts';
import { prepareImageFolder } from '../../src/data/image-folder.ts';
import { listImages } from '../../src/data/image-listing.ts';
import { readModel } from '../../src/model/model-file.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { nasnetA } from '../../src/space/published.ts';
import type { TrainingDetails } from '../../src/study/outcome.ts';
import type { Training } from '../../src/study/settings.ts';
import { fileSource } from '../../src/train/image-source.ts';
import { evaluateLong } from '../../src/train/long-evaluation.ts';
import { childRecipe } from '../../src/train/recipe.ts';
import type { EvaluateJob } from '../../src/workers/messages.ts';
import { temporaryFolder } from '../data/temporary.ts';

const folder = temporaryFolder({ after });
const images = join(folder, 'gratings');
const training: Training = {
  cells: 0,
  filters: 4,
  resolution: 16,
  recipe: { ...childRecipe, epochs: 2, batchSize: 12, learningRate: 0.1 },
};
let run: EvaluateJob;

/** Gratings of one period a class, 40 pixels wide and 30 high, that is larger than the network's 16 and not square. */
async function paint(path: string, period: number, random: RandomStream) {
  const phase = 6.28 * random.uniform();
  const pixels = Uint8Array.from({ length: 40 * 30 * 3 }, (_, index) =>
    Math.round(128 + 60 * Math.sin((6.28 * (Math.floor(index / 3) % 40)) / period + phase) + 50 * random.uniform()),
  );
  await sharp(pixels, { raw: { width: 40, height: 30, channels: 3 } })
    .png()
    .toFile(path);
}

before(async () => {
  const random = new RandomStream('gratings');
  for (const [part, count] of [
    ['train', 24],
    ['test', 20],
  ] as const) {
    for (const period of [6, 9, 14]) {
      mkdirSync(join(images, part, `period ${period}`), { recursive: true });
      for (let index = 0; index < count; index++)
        await paint(join(images, part, `period ${period}`, `${index}.png`), period, random);
    }
  }
  const files = await prepareImageFolder(images, { size: 16, cache: join(folder, 'cache') });
  const setup = { dataset: referenceTo(files), training, validationImages: 12, splitSeed: 1 };
  run = await trainer(setup, { datasets: [files], artifacts: { final: folder }, threads: 1 });
});

async function trained(recipe: Training['recipe'], weights?: ArtifactKey) {
  const job: TrainingJob = {
    architecture: nasnetA,
    training: { ...training, recipe },
    seed: 1,
    ...(weights && { keepModel: { weights } }),
  };
  return (await run(job, () => {}, new AbortController().signal)) as { reward: number; details: TrainingDetails };
}

test('the test accuracy of a training is what its model file gives on the image files, answer by answer', async () => {
  const { details } = await trained(training.recipe, 'final/network.safetensors');
  const { network, description } = readModel(join(folder, 'network.safetensors'));
  assert.deepEqual([description.preprocessing.enlarge, description.trainedEnlarge], [1.25, 1.25]);
  const { test: listed } = listImages(images);
  const evaluated = async (preprocessing: typeof description.preprocessing) =>
    evaluateLong(network, fileSource(listed, preprocessing, [16, 16], 7), { state: join(folder, 'state') });
  const again = await evaluated(description.preprocessing);
  assert.deepEqual(again.classAccuracies, details.test!.classAccuracies);
  assert.ok(Math.abs(again.loss - details.test!.loss) < 1e-6, `${again.loss}, ${details.test!.loss}`);
  const { enlarge: _, ...asStored } = description.preprocessing;
  assert.ok(Math.abs((await evaluated(asStored)).loss - again.loss) > 1e-3, 'the view makes a difference here');
});

test('a child of a study from before test views is measured as that study began; a network that is kept is measured rightly', async () => {
  const older = { ...training.recipe, matchTestView: false }; // as settings.ts reads them
  const [now, then] = [await trained(training.recipe), await trained(older)];
  assert.notEqual(then.details.loss, now.details.loss);
  const kept = await trained(older, 'final/older.safetensors');
  assert.equal(kept.details.loss, now.details.loss);
  assert.equal(readModel(join(folder, 'older.safetensors')).description.preprocessing.enlarge, 1.25);
});

test('a folder is prepared as the network is shown other files; with the filter of nasnet 0.1.0 for a study from then', async () => {
  const prepare = (filter: 'area' | 'lanczos') =>
    prepareImageFolder(images, { size: 16, filter, cache: join(folder, 'cache') });
  const [area, lanczos] = [await prepare('area'), await prepare('lanczos')];
  assert.notEqual(area.train.path, lanczos.train.path);
  assert.match(lanczos.train.path, /-16\.bin$/, 'where 0.1.0 left it');
});

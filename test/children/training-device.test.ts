// Jobs with a device and a precision: bfloat16 on the CPU trains another network of the same shapes, and a missing
// device is reported in one sentence.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type TrainingJob, trainer } from '../../src/children/training-job.ts';
import { type DatasetFiles, referenceTo } from '../../src/data/dataset-files.ts';
import type { Computing } from '../../src/engine/device.ts';
import { threads } from '../../src/engine/machine.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { nasnetA } from '../../src/space/published.ts';
import type { TrainingDetails, WorkerResult } from '../../src/study/outcome.ts';
import { childRecipe } from '../../src/train/recipe.ts';
import { temporaryFolder } from '../data/temporary.ts';

const [side, classes] = [8, 4];

function files(): DatasetFiles {
  const folder = temporaryFolder({ after });
  const random = new RandomStream('pixels');
  const part = (name: string, count: number) => {
    const labels = BigInt64Array.from({ length: count }, (_, index) => BigInt(index % classes));
    const pixels = Uint8Array.from({ length: count * 3 * side * side }, (_, index) => {
      return 50 * (Math.floor(index / (3 * side * side)) % classes) + random.integer(40);
    });
    const path = join(folder, `${name}.bin`);
    writeFileSync(path, Buffer.concat([pixels, new Uint8Array(labels.buffer)])); // 192 bytes an image, a multiple of 8
    return { path, count, images: 0, labels: pixels.length };
  };
  const [train, test] = [part('train', 120), part('test', 8)];
  const names = ['a', 'b', 'c', 'd'];
  const made = { name: 'tiny', source: 'a test', classes: names, content: 'tiny' };
  return { ...made, height: side, width: side, holdOut: 'uniform', train, test };
}

const training = { cells: 0, filters: 4, resolution: side, recipe: { ...childRecipe, epochs: 2, batchSize: 10 } };
const job: TrainingJob = { architecture: nasnetA, training, seed: 1 };

async function trained(computing?: Computing): Promise<TrainingDetails & { reward: number }> {
  const dataset = files();
  const setup = { dataset: referenceTo(dataset), training, validationImages: 20, splitSeed: 1 };
  const run = await trainer(setup, { datasets: [dataset], threads: threads(), ...(computing && { computing }) });
  const { reward, details } = (await run(job, () => {}, new AbortController().signal)) as WorkerResult;
  return { reward, ...(details as TrainingDetails) };
}

test('a job computes in the precision of its pool: float32 by default, bfloat16 close to it', async () => {
  const [plain, stated, half] = [
    await trained(),
    await trained({ device: 'cpu', precision: 'float32' }),
    await trained({ device: 'cpu', precision: 'bfloat16' }),
  ];
  assert.equal(stated.loss, plain.loss);
  assert.notEqual(half.loss, plain.loss);
  // both have learned the four greys
  assert.ok(Math.max(half.loss, plain.loss) < 0.1, `${half.loss} and ${plain.loss}`);
  assert.equal(half.trainableParameters, plain.trainableParameters);
});

test('a worker on a missing GPU fails at its start', async () => {
  await assert.rejects(trained({ device: 'cuda:7', precision: 'bfloat16' }), /CUDA|cuda/);
});

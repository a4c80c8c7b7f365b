// The training job trains networks of the ImageNet layout, and their model files state the layout.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type FinalMessage, type TrainingJob, trainer } from '../../src/children/training-job.ts';
import { type DatasetFiles, referenceTo } from '../../src/data/dataset-files.ts';
import { threads } from '../../src/engine/machine.ts';
import { readModel } from '../../src/model/model-file.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { RandomStream } from '../../src/random/stream.ts';
import { nasnetA } from '../../src/space/published.ts';
import type { TrainingDetails } from '../../src/study/outcome.ts';
import { parseSettings } from '../../src/study/parse-settings.ts';
import { fitted, settingsOf } from '../../src/study/presets.ts';
import { canContinue } from '../../src/study/rung-trainings.ts';
import type { Training } from '../../src/study/settings.ts';
import { usedPlan } from '../../src/study/training-plan.ts';
import { childRecipe } from '../../src/train/recipe.ts';
import { temporaryFolder } from '../data/temporary.ts';

const folder = temporaryFolder({ after });
const side = 40;

function files(): DatasetFiles {
  const random = new RandomStream('pixels');
  const part = (name: string, count: number) => {
    const labels = BigInt64Array.from({ length: count }, (_, index) => BigInt(index % 2));
    const pixels = Uint8Array.from({ length: count * 3 * side * side }, () => random.integer(256));
    const path = join(folder, `${name}.bin`);
    // 4,800 bytes an image, a multiple of 8
    writeFileSync(path, Buffer.concat([pixels, new Uint8Array(labels.buffer)]));
    return { path, count, images: 0, labels: pixels.length };
  };
  const [train, tests] = [part('train', 24), part('test', 8)];
  const names = ['a', 'b'];
  return {
    name: 'tiny',
    source: 'a test',
    content: 'tiny',
    classes: names,
    height: side,
    width: side,
    holdOut: 'uniform',
    train,
    test: tests,
  };
}

const training: Training = {
  layout: 'imagenet',
  cells: 0,
  filters: 4,
  stemChannels: 8,
  skipReductionInput: true,
  resolution: side,
  recipe: { ...childRecipe, epochs: 1, batchSize: 8 },
};

test('a network of the ImageNet layout is trained for two steps, and its model file is read with that layout', async () => {
  const weights = join(folder, 'network.safetensors');
  const dataset = files();
  const setup = { dataset: referenceTo(dataset), training, validationImages: 8, splitSeed: 1 };
  const run = await trainer(setup, { datasets: [dataset], artifacts: { final: folder }, threads: threads() });
  const keepModel = { weights: 'final/network.safetensors' } as const;
  const job: TrainingJob = { architecture: nasnetA, training, seed: 1, keepModel };
  const epochs: FinalMessage[] = [];
  const answer = await run(job, (message) => epochs.push(message as FinalMessage), new AbortController().signal);
  const { details } = answer as { details: TrainingDetails };
  assert.equal(epochs.filter((message) => 'epoch' in message).length, 1);

  const { network, description } = readModel(weights);
  const options = { layout: 'imagenet', cells: 0, filters: 4, stemChannels: 8, skipReductionInput: true } as const;
  assert.deepEqual(description.network, { ...options, input: [side, side] });
  const plan = planNetwork(nasnetA, { ...options, input: side, classes: 2 });
  assert.equal(details.trainableParameters, plan.trainableParameters);
  assert.equal(details.multiplyAdds, plan.multiplyAdds);
  assert.ok(Object.keys(network.stateDict()).some((name) => name.includes('stem')));
  network.dispose();
});

test('a training without a layout has the CIFAR layout, in its plan and in a study', () => {
  const { layout: _, stemChannels: __, skipReductionInput: ___, ...plain } = training;
  assert.equal(usedPlan(nasnetA, plain, 2).layout, 'cifar');
  const settings = fitted(settingsOf('smoke', { dataset: 'cifar10', seed: 1, strategy: 'random' }), {
    images: 1000,
    classes: 10,
  });
  assert.equal(parseSettings(JSON.parse(JSON.stringify(settings)), 'here').child.layout, undefined);
  const other = { ...settings, final: training };
  assert.deepEqual(parseSettings(JSON.parse(JSON.stringify(other)), 'here').final, training);
  assert.equal(canContinue(training, training), true);
  assert.equal(canContinue(plain, training), false);
});

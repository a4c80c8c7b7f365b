// Trainings that keep a deadline, with a clock of the test: they end in time at any speed, with the last steps' rate.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { FolderArtifacts } from '../../src/artifacts.ts';
import type { Network } from '../../src/model/network.ts';
import { readSafetensorsMetadata } from '../../src/nn/safetensors.ts';
import { Checkpoints } from '../../src/train/checkpoint.ts';
import type { Recipe } from '../../src/train/recipe.ts';
import { type EpochFigures, type TrainingOptions, trainNetwork } from '../../src/train/training.ts';
import { Deadline, TrainingLength } from '../../src/train/training-length.ts';
import { temporaryFolder } from '../data/temporary.ts';
import { tinyNetwork, tinyRecipe, trainingBatches } from './images.ts';

const planned = 1000;

/**
 * Runs a training whose steps take the seconds that `each` returns, a third of them while images are small.
 * @returns its seconds, its steps, and the progress of every step
 */
function run(each: (seconds: number) => number, { seconds = 1000, most = 10 * planned } = {}) {
  const length = new TrainingLength(planned);
  let clock = 0;
  const deadline = new Deadline(length, { seconds, most, from: 0.4, now: () => 1000 * clock });
  const progress: number[] = [];
  for (let done = 0; done < length.steps; deadline.afterStep(done)) {
    progress.push(length.progress(done));
    clock += each(clock) * (progress.at(-1)! < 0.4 ? 1 / 3 : 1);
    done += 1;
  }
  return { seconds: clock, steps: length.steps, progress };
}

const speeds: [string, (seconds: number) => number][] = [
  ['a steady machine', () => 1],
  ['a machine of half the speed', () => 2],
  ['a machine three times as fast', () => 1 / 3],
  ['a machine that changes its speed every minute', (seconds) => (Math.floor(seconds / 60) % 2 ? 1.6 : 0.7)],
  ['a machine that is slow from the middle on', (seconds) => (seconds < 500 ? 0.8 : 1.6)],
  ['a machine that is fast from the middle on', (seconds) => (seconds < 500 ? 1.6 : 0.8)],
];

for (const [name, each] of speeds) {
  test(`on ${name} the training ends within 3% of its time, with the whole schedule`, () => {
    const { seconds, progress } = run(each);
    assert.ok(Math.abs(seconds - 1000) <= 30, `${seconds} s`);
    const rises = progress.slice(1).map((share, step) => share - progress[step]!);
    assert.ok(Math.min(...rises) > 0, 'it goes forwards');
    assert.equal(progress[0], 0);
    assert.ok(Math.abs(1 - progress.at(-1)! - rises.at(-1)!) < 1e-9, 'one step before its end');
  });
}

test('while images are small the end is not moved, since their steps tell little of later ones', () => {
  const { progress } = run(() => 0.5);
  const small = progress.filter((share) => share < 0.4);
  assert.deepEqual(
    small,
    small.map((_, step) => step / planned),
  );
});

test('a training that is late is at most four times as short as planned', () => {
  const { steps } = run(() => 100);
  assert.ok(steps >= 400 + 600 / 4 && steps < 400 + 600 / 3, `${steps} steps`);
});

test('a training of the most epochs, or of more, is shortened where it is late, and never lengthened', () => {
  for (const most of [planned, planned / 2]) {
    assert.equal(run(() => 0.5, { most }).steps, planned);
    const { seconds, steps } = run(() => 2, { most });
    assert.ok(steps < planned && Math.abs(seconds - 1000) <= 30, `${seconds} s`);
  }
});

test('a training of which no step is late has the end of its recipe', () => {
  const length = new TrainingLength(10);
  const deadline = new Deadline(length, { seconds: 1e9, most: 10, from: 0, now: () => 0 });
  for (let done = 1; done < 10; done++) deadline.afterStep(done);
  assert.equal(length.moved, undefined);
  assert.equal(length.plannedStep(7), 7);
});

/** Forty steps, which an early deadline shortens after each of them, as far as it may. */
const recipe: Recipe = { ...tinyRecipe, epochs: 8, averageEpochs: 0.5 };
const overdue = 1e-9; // seconds

async function trained(network: Network, options: Partial<TrainingOptions> = {}) {
  const epochs: EpochFigures[] = [];
  const onEpoch = (figures: EpochFigures) => epochs.push(figures);
  await trainNetwork(network, trainingBatches(40, recipe), recipe, { seed: 'a', ...options, onEpoch });
  const weights = Buffer.concat(Object.values(network.stateDict()).map((tensor) => tensor.detach().toBytes()));
  return { weights, epochs };
}

test('the epochs of a moved end are reported; without haste a deadline changes no bit', async () => {
  const plain = await trained(tinyNetwork());
  const { epochs } = await trained(tinyNetwork(), { seconds: overdue });
  const { epoch, scheduledEpochs, learningRate } = epochs.at(-1)!;
  assert.ok(epoch >= 2 && epoch < 2.5, `${epoch} of 8 epochs`);
  assert.equal(scheduledEpochs, epoch);
  assert.ok(learningRate < 0.05 * recipe.learningRate, `the last rate is ${learningRate}`);
  const unhurried = await trained(tinyNetwork(), { seconds: 1e9 });
  assert.ok(unhurried.weights.equals(plain.weights));
  assert.equal(unhurried.epochs.at(-1)!.scheduledEpochs, undefined);
});

test('a training with a moved end resumes from its checkpoint with the same bits', async (context) => {
  const folder = temporaryFolder(context);
  const checkpoints = () =>
    new Checkpoints(new FolderArtifacts({ training: folder }), 'training/state', { identity: 'this', seconds: 0 });
  const through = await trained(tinyNetwork(), { seconds: overdue });
  const stop = new AbortController();
  const stopping = checkpoints();
  const offer = stopping.offer.bind(stopping);
  stopping.offer = async (step, ...rest) => {
    await offer(step, ...rest);
    if (step === 3) stop.abort(new Error('enough'));
  };
  const options = { seconds: overdue, checkpoints: stopping, signal: stop.signal };
  await assert.rejects(trained(tinyNetwork(), options), /enough/);
  const { end } = readSafetensorsMetadata(join(folder, 'state'));
  assert.ok(JSON.parse(end!).steps < 40);
  const resumed = await trained(tinyNetwork(99), { seconds: overdue, checkpoints: checkpoints() });
  assert.ok(resumed.weights.equals(through.weights));
  assert.equal(resumed.epochs.at(-1)!.scheduledEpochs, through.epochs.at(-1)!.scheduledEpochs);

  await assert.rejects(
    trained(tinyNetwork(), { ...options, signal: AbortSignal.abort(new Error('enough')) }),
    /enough/,
  );
  const kept = await trained(tinyNetwork(99), { checkpoints: checkpoints() });
  assert.ok(kept.epochs.at(-1)!.epoch < 8, 'without a deadline the end stays where it was moved to');
});

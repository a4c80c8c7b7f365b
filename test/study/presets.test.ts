import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '../../src/failure.ts';
import { paperController } from '../../src/search/options.ts';
import { fitted, settingsOf } from '../../src/study/presets.ts';

const given = { dataset: 'cifar10', seed: 1, strategy: 'ppo' };

test('the paper preset states the search of the paper', () => {
  const { trials, blocks, child, strategyOptions, final } = fitted(settingsOf('paper', given), 50_000);
  assert.deepEqual([trials, blocks], [20_000, 5]);
  assert.deepEqual([child.cells, child.filters, child.resolution, child.recipe.epochs], [2, 32, 32, 20]);
  assert.deepEqual(strategyOptions, paperController);
  assert.deepEqual([final.cells, final.filters, final.recipe.epochs, final.recipe.batchSize], [6, 32, 600, 32]); // 6 @ 768
});

test('finalists are as many and train as long as is asked for, within the means of the dataset; 0 means none', () => {
  const { finalists } = fitted(settingsOf('paper', given), 50_000);
  assert.deepEqual([finalists!.count, finalists!.training.recipe.epochs], [250, 600]);
  assert.equal(settingsOf('paper', { ...given, finalists: 0 }).finalists, undefined);
  const few = fitted(settingsOf('laptop', { ...given, finalists: 9, finalistEpochs: 3, size: 64 }), 300).finalists!;
  assert.deepEqual([few.count, few.training.recipe.epochs, few.training.resolution], [9, 3, 32]);
  assert.equal(few.training.trainingImages, 270);
});

test('all that a study needs is stated in it: nothing depends on defaults that may change', () => {
  const settings = settingsOf('laptop', given);
  assert.deepEqual(Object.keys(settings.strategyOptions).sort(), Object.keys(paperController).sort());
  assert.deepEqual(JSON.parse(JSON.stringify(settings)), settings);
});

test('what is asked for goes before the preset, and sizes of other images scale it', () => {
  const preset = settingsOf('laptop', given);
  const settings = settingsOf('laptop', { ...given, trials: 7, blocks: 3, size: 64 });
  assert.deepEqual([settings.trials, settings.blocks], [7, 3]);
  assert.equal(settings.final.resolution, 2 * preset.final.resolution);
  assert.equal(settings.child.resolution, 2 * preset.child.resolution);
});

test('a small dataset takes a tenth for the reward and the rest for training', () => {
  const { validationImages, child } = fitted(settingsOf('laptop', given), 300);
  assert.equal(validationImages, 30);
  assert.equal(child.trainingImages, 270);
});

test('an unknown preset is refused with those that there are', () => {
  assert.throws(
    () => settingsOf('huge', given),
    (error: Error) => error instanceof InputError && /smoke, laptop, micro, paper/.test(error.message),
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '../../src/failure.ts';
import { paperController } from '../../src/search/options.ts';
import { noDataset } from '../../src/study/external-evaluator.ts';
import { fitted, largerChild, presets, settingsOf } from '../../src/study/presets.ts';
import { recipes as named } from '../../src/train/recipe.ts';

const given = { dataset: 'cifar10', seed: 1, strategy: 'ppo' };

test('the paper preset has the settings of the paper', () => {
  const { trials, blocks, child, strategyOptions, final } = fitted(settingsOf('paper', given), {
    images: 50_000,
    classes: 10,
  });
  assert.deepEqual([trials, blocks], [20_000, 5]);
  assert.deepEqual([child.cells, child.filters, child.resolution, child.recipe.epochs], [2, 32, 32, 20]);
  assert.deepEqual(strategyOptions, paperController);
  // 6 @ 768
  assert.deepEqual([final.cells, final.filters, final.recipe.epochs, final.recipe.batchSize], [6, 32, 600, 32]);
});

test('the number and training of finalists follow the request, within the size of the dataset; 0 means none', () => {
  const { finalists } = fitted(settingsOf('paper', given), { images: 50_000, classes: 10 });
  assert.deepEqual([finalists!.count, finalists!.training.recipe.epochs], [250, 600]);
  assert.equal(settingsOf('paper', { ...given, finalists: 0 }).finalists, undefined);
  const asked = { finalists: 9, finalistEpochs: 3 };
  const photos = { images: 300, classes: 10 };
  const few = fitted(settingsOf('laptop', { ...given, ...asked, size: 64 }), photos).finalists!;
  assert.deepEqual([few.count, few.training.recipe.epochs, few.training.resolution], [9, 3, 64]);
  assert.equal(few.training.trainingImages, 270);
});

test('a study stores all its settings: nothing depends on defaults that may change', () => {
  const settings = settingsOf('laptop', given);
  assert.deepEqual(Object.keys(settings.strategyOptions).sort(), Object.keys(paperController).sort());
  assert.deepEqual(JSON.parse(JSON.stringify(settings)), settings);
});

test('requests replace settings of the preset, and other image sizes scale it', () => {
  const preset = settingsOf('laptop', given);
  const settings = settingsOf('laptop', { ...given, trials: 7, blocks: 3, size: 64 });
  assert.deepEqual([settings.trials, settings.blocks], [7, 3]);
  assert.equal(settings.child.resolution, 2 * preset.child.resolution);
});

test('--size is the input of the final network; children have the same fraction of it as in the preset', () => {
  const photos = { ...given, dataset: 'photos' };
  const sides = (preset: string, asked: { size?: number; finalSize?: number } = {}) => {
    const { child, final, size } = settingsOf(preset, { ...photos, ...asked });
    return [child.resolution, final.resolution, size];
  };
  assert.deepEqual(sides('laptop', { size: 64 }), [16, 64, 64]);
  assert.deepEqual(sides('micro', { size: 64 }), [16, 64, 64]);
  assert.deepEqual(sides('paper', { size: 64 }), [64, 64, 64]);
  assert.deepEqual(sides('smoke', { size: 8 }), [4, 8, 8], 'no network sees less than 4 pixels');
  assert.deepEqual(sides('laptop'), [8, 16, 32], 'images are stored as large as the largest network sees them');
  assert.deepEqual(sides('laptop', { finalSize: 48 }), [8, 48, 48]);
  assert.deepEqual(sides('laptop', { size: 64, finalSize: 48 }), [16, 48, 64]);
  assert.throws(() => sides('laptop', { size: 64, finalSize: 96 }), {
    name: 'InputError',
    message: 'final network: expected at most 64 pixels, the side of the images, got 96',
  });
  const cifar10 = settingsOf('laptop', { ...given, finalSize: 32, finalEpochs: 9, finalFilters: 24 });
  assert.deepEqual([cifar10.final.resolution, cifar10.final.recipe.epochs, cifar10.final.filters], [32, 9, 24]);
  assert.equal(cifar10.size, undefined);
  const rungs = [{}, { resolution: 64 }];
  assert.throws(() => settingsOf('laptop', { ...given, rungs }), /rung 1: expected at most 32 pixels.*, got 64$/);
});

test('children, and finalists of a budget, are not larger than the final network in cells, filters or pixels', () => {
  const sides = [{}, { size: 16 }, { size: 64, finalSize: 48 }, { finalSize: 4 }];
  for (const preset of Object.keys(presets))
    for (const finalFilters of [2, 4, 12, 40])
      for (const side of sides) {
        const settings = settingsOf(preset, { ...given, dataset: 'photos', budget: 7200, finalFilters, ...side });
        const { child, final, finalists } = settings;
        for (const training of [child, largerChild(settings) ?? child, finalists!.training])
          for (const part of ['cells', 'filters', 'resolution'] as const)
            assert.ok(training[part] <= final[part], `${preset} ${finalFilters} ${JSON.stringify(side)}: ${part}`);
      }
  const { child, finalists } = settingsOf('laptop', { ...given, budget: 7200 }); // whose largest network has 32 pixels
  assert.deepEqual([child.filters, child.resolution], [4, 8]);
  assert.deepEqual([finalists!.training.filters, finalists!.training.resolution], [8, 32]);
});

test('from 2 to 10,000 classes with as few as 4 images each to train on, every training has images of all classes', () => {
  for (const preset of Object.keys(presets))
    for (const classes of [2, 3, 12, 100, 1000, 10_000])
      for (const each of [4, 7, 100]) {
        const asked = { ...given, dataset: 'photos', finalists: 2, rungs: [{}, { images: 20 }] };
        const settings = fitted(settingsOf(preset, asked), { images: classes * each, classes });
        const { validationImages, child, ladder, finalists, final } = settings;
        assert.ok(validationImages! >= classes);
        for (const { trainingImages } of [child, ...ladder!.rungs, finalists!.training, final]) {
          const used = trainingImages ?? classes * each - validationImages!;
          assert.ok(used >= classes && used + validationImages! <= classes * each, `${preset} ${classes} ${each}`);
        }
      }
  assert.throws(() => fitted(settingsOf('laptop', given), { images: 20, classes: 12 }), /two of each of 12 classes/);
});

test('a small dataset uses a tenth for validation and the rest for training', () => {
  const { validationImages, child } = fitted(settingsOf('laptop', given), { images: 300, classes: 10 });
  assert.equal(validationImages, 30);
  assert.equal(child.trainingImages, 270);
});

test('fewer images than a preset shows have more epochs, so that trainings have as many steps, unless epochs are asked for', () => {
  const photos = { images: 300, classes: 10 }; // 270 to train on: 4 batches of 64 an epoch
  const epochsOf = (preset: string, asked: { epochs?: number } = {}) => {
    const { child, finalists } = fitted(settingsOf(preset, { ...given, ...asked }), photos);
    return [child.recipe.epochs, finalists?.training.recipe.epochs];
  };
  assert.deepEqual(epochsOf('laptop'), [750 / 4, 1125], '750 steps of 48,000 images once and 6 times');
  assert.deepEqual(epochsOf('laptop', { epochs: 2 }), [2, 1125]);
  assert.deepEqual(epochsOf('smoke'), [1, 1], 'it only checks that everything works');
  assert.deepEqual(epochsOf('paper'), [20, 600]);
  const { child } = fitted(settingsOf('laptop', given), { images: 50_000, classes: 10 });
  assert.equal(child.recipe.epochs, 1);
});

test('with few images the larger networks of a budget need as many steps as with CIFAR-10', () => {
  const epochsOf = (images: number) => {
    const settings = settingsOf('laptop', { ...given, dataset: 'photos', budget: 480 });
    return fitted(settings, { images, classes: 10 }).budget!.larger.map(({ recipe }) => recipe.epochs);
  };
  const stated = settingsOf('laptop', { ...given, budget: 480 }).budget!.larger.map(({ recipe }) => recipe.epochs);
  assert.deepEqual([epochsOf(50_000), epochsOf(200_000)], [stated, stated]);
  const steps = Math.floor((5000 - 500) / 64); // an epoch, where CIFAR-10 has 750
  assert.deepEqual(
    epochsOf(5000),
    stated.map((epochs) => Number(((epochs * 750) / steps).toFixed(2))),
  );
});

test('a search for a result begins with the named cells, one that repeats the paper without', () => {
  const known = (preset: string, request = {}) => settingsOf(preset, { ...given, ...request }).known;
  assert.equal(known('laptop').length, 2);
  assert.deepEqual(known('laptop', { trials: 80 }), known('laptop'));
  assert.deepEqual(known('micro', { budget: 600 }), known('laptop'));
  for (const preset of ['smoke', 'micro', 'paper']) assert.deepEqual(known(preset), []);
  assert.deepEqual(known('laptop', { known: [] }), []);
  assert.deepEqual(known('laptop', { space: 'b' }), [], 'they are no cells of space B');
  assert.deepEqual(known('laptop', { dataset: noDataset }), [], 'an evaluator may measure anything');
});

test('named recipes take the place of the preset’s, with its epochs, and cutout in proportion to the images', () => {
  const { child, ladder, finalists, final, budget, recipes } = settingsOf('laptop', {
    ...given,
    ...{ budget: 3600, recipes: { child: 'paper', final: 'darts' }, rungs: [{}, { epochs: 3, resolution: 16 }] },
  });
  const unnamed = settingsOf('laptop', { ...given, budget: 3600 });
  assert.deepEqual(recipes, { child: 'paper', final: 'darts' });
  const tiny = { auxiliaryWeight: 0, cutout: 4 }; // 8 pixels have no place for an auxiliary head
  assert.deepEqual(child.recipe, { ...named.paper, epochs: unnamed.child.recipe.epochs, ...tiny });
  assert.deepEqual(ladder!.rungs[0]!.recipe, { ...named.paper, epochs: 3, cutout: 8 });
  assert.deepEqual(finalists!.training.recipe, { ...named.darts, epochs: unnamed.finalists!.training.recipe.epochs });
  assert.deepEqual(final.recipe, { ...named.darts, epochs: unnamed.final.recipe.epochs, cutout: 8 });
  assert.deepEqual(
    budget!.larger.map(({ recipe }) => recipe),
    unnamed.budget!.larger.map(({ recipe }) => ({ ...named.darts, epochs: recipe.epochs })),
  );
});

test('changes of the final recipe are those of every size of a budget, and of no child', () => {
  const changes = { averageEpochs: 0, labelSmoothing: 0.1, accumulate: 2 };
  const { child, final, budget } = settingsOf('laptop', { ...given, budget: 3600, finalChanges: changes });
  for (const { recipe } of [final, ...budget!.larger]) {
    assert.deepEqual([recipe.labelSmoothing, recipe.accumulate], [0.1, 2]);
    assert.ok(!('averageEpochs' in recipe), 'the last weights');
  }
  assert.deepEqual(child, settingsOf('laptop', { ...given, budget: 3600 }).child);
});

test('an unknown preset is refused with a list of the known ones', () => {
  assert.throws(
    () => settingsOf('huge', given),
    (error: Error) => error instanceof InputError && /smoke, laptop, micro, paper/.test(error.message),
  );
});

test('a search has a budget where a preset or the user gives one; a number of trials takes its place', () => {
  const { budget, known, finalists } = settingsOf('laptop', given);
  assert.deepEqual([budget!.seconds, budget!.larger.length, known.length], [480, 7, 2]);
  assert.deepEqual([finalists!.withKnown, finalists!.seeds], [true, { least: 2, most: 2 }]);
  const fixed = settingsOf('laptop', { ...given, trials: 80 });
  assert.deepEqual([fixed.budget, fixed.finalists, fixed.trials], [undefined, undefined, 80]);
  assert.equal(settingsOf('laptop', { ...given, finalEpochs: 3 }).budget, undefined);
  assert.equal(settingsOf('paper', given).budget, undefined);
  assert.deepEqual(settingsOf('paper', { ...given, budget: 3600 }).budget, { seconds: 3600, larger: [] });
  assert.deepEqual(settingsOf('laptop', { ...given, finalFilters: 24 }).budget!.larger, []);
});

test('final networks of a budget cost more from one to the next, also if an input side is asked for', () => {
  const finalsOf = (size?: number) => {
    const { final, budget } = settingsOf('laptop', { ...given, ...(size && { size }) });
    return [final, ...budget!.larger].map(({ cells, filters, resolution }) => `${cells}:${filters}:${resolution}`);
  };
  const ofSide = (side: number) => ['1:16', '1:24', '1:32', '2:32', '4:32', '6:32'].map((of) => `${of}:${side}`);
  assert.deepEqual(finalsOf(), ['1:16:16', '1:8:32', ...ofSide(32)]);
  for (const side of [16, 32, 64]) assert.deepEqual(finalsOf(side), ofSide(side));
});

test('the surrogate searches in budgets and up to 400 trials of laptop, else the controller, unless another is asked for', () => {
  const strategyOf = (request: object) => settingsOf('laptop', { dataset: 'cifar10', seed: 1, ...request }).strategy;
  assert.equal(strategyOf({}), 'surrogate');
  assert.equal(strategyOf({ budget: 3600 }), 'surrogate');
  assert.equal(strategyOf({ trials: 400 }), 'surrogate');
  assert.equal(strategyOf({ trials: 401 }), 'ppo');
  assert.equal(strategyOf({ budget: 'none' }), 'surrogate');
  assert.equal(strategyOf({ strategy: 'evolution' }), 'evolution');
  for (const preset of ['paper', 'micro', 'smoke']) {
    assert.equal(settingsOf(preset, { dataset: 'cifar10', seed: 1, trials: 20 }).strategy, 'ppo');
    assert.equal(settingsOf(preset, { dataset: 'cifar10', seed: 1, budget: 600 }).strategy, 'surrogate');
  }
});

// A named recipe with flags that replace single values.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { addRecipeFlags, type RecipeFlags, recipeOf } from '../../src/cli/flags/recipe-flags.ts';
import { InputError } from '../../src/failure.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { nasnetA } from '../../src/space/published.ts';
import { fittingBatch } from '../../src/train/fitting-batch.ts';
import { finalRecipe, type Recipe, recipes, smallRecipe } from '../../src/train/recipe.ts';
import { releasedDecay } from '../../src/train/recipe-choices.ts';

function stated(words: string[], input = 32): Recipe {
  const command = addRecipeFlags(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => {} });
  command.parse(words, { from: 'user' });
  return recipeOf(command.opts<RecipeFlags>(), planNetwork(nasnetA, { cells: 1, filters: 4, input }));
}

test('without a flag the recipe is the one for a few epochs', () => assert.deepEqual(stated([]), smallRecipe));

test('paper is the paper’s final training; its cutout keeps its share of a smaller image', () => {
  assert.deepEqual(stated(['--recipe', 'paper']), finalRecipe);
  assert.deepEqual(stated(['--recipe', 'paper'], 16), { ...finalRecipe, cutout: 8 });
});

test('darts has the numbers of its authors’ script', () => {
  const { batchSize, learningRate, schedule, momentum, nesterov, weightDecay, dropPathKeep, ...more } = recipes.darts;
  const first = { batchSize, learningRate, schedule, momentum, nesterov, weightDecay, dropPathKeep };
  assert.deepEqual(first, {
    batchSize: 96,
    learningRate: 0.025,
    schedule: 'cosine',
    momentum: 0.9,
    nesterov: false,
    weightDecay: 3e-4,
    dropPathKeep: 0.8,
  });
  const { epochs, auxiliaryWeight, clipNorm, cutout, dropPathRule, translate, flip, enlarge } = more;
  const rest = { epochs, auxiliaryWeight, clipNorm, cutout, dropPathRule, translate, flip, enlarge };
  assert.deepEqual(rest, {
    epochs: 600,
    auxiliaryWeight: 0.4,
    clipNorm: 5,
    cutout: 16,
    dropPathRule: 'linear',
    translate: 4 / 32,
    flip: true,
    enlarge: 1,
  });
});

test('fast has small images if the network can process them', () => {
  assert.deepEqual(stated(['--recipe', 'fast']), recipes.fast);
  const { growth: _, ...steady } = recipes.fast;
  assert.deepEqual(stated(['--recipe', 'fast'], 18), recipes.fast);
  assert.deepEqual(stated(['--recipe', 'fast', '--auxiliary-weight', '0.4']), { ...steady, auxiliaryWeight: 0.4 });
});

test('a stated augmentation of fast holds for any number of epochs', () => {
  const { translateFrom: _, halfTranslateFrom: __, ...always } = recipes.fast;
  const short = ['--recipe', 'fast', '--epochs', '2'];
  assert.deepEqual(stated([...short, '--augment', 'translate']), { ...always, epochs: 2 });
  assert.deepEqual(stated([...short, '--augment', 'none']), { ...always, epochs: 2, translate: 0 });
});

test('imagenet-paper has the numbers of the released configuration, and those of the large network for it', () => {
  const {
    optimizer,
    momentum,
    schedule,
    decay = releasedDecay,
    averageDecay,
    labelSmoothing,
    ...more
  } = stated(['--recipe', 'imagenet-paper']);
  assert.deepEqual(optimizer, { name: 'rmsprop', decay: 0.9, epsilon: 1 });
  assert.deepEqual([momentum, averageDecay, labelSmoothing], [0.9, 0.9999, 0.1]);
  assert.deepEqual([schedule, decay], ['exponential', { factor: 0.97, epochs: 2.4 }]);
  const { auxiliaryWeight, dropoutKeep, clipNorm, weightDecay, dropPathKeep } = more;
  const rest = { auxiliaryWeight, dropoutKeep, clipNorm, weightDecay, dropPathKeep };
  const mobile = { auxiliaryWeight: 0.4, dropoutKeep: 0.5, clipNorm: 10, weightDecay: 4e-5, dropPathKeep: 1 };
  assert.deepEqual(rest, mobile);
  const large = planNetwork(nasnetA, { layout: 'imagenet', cells: 1, filters: 8, input: 67, stemChannels: 96 });
  const ofLarge = recipeOf({ recipe: 'imagenet-paper' }, large);
  assert.deepEqual([ofLarge.weightDecay, ofLarge.dropPathKeep], [5e-5, 0.7]);
});

test('the rate of the recipes for ImageNet is in proportion to the batch, unless it is stated', () => {
  const rate = (...words: string[]) => stated(['--recipe', 'imagenet-paper', ...words]).learningRate;
  assert.deepEqual([rate(), rate('--batch-size', '32'), rate('--batch-size', '1024')], [0.32, 0.04, 1.28]);
  assert.equal(rate('--batch-size', '32', '--learning-rate', '0.1'), 0.1);
  const paper = stated(['--recipe', 'paper', '--batch-size', '64']);
  assert.equal(paper.learningRate, 0.025, 'other recipes keep theirs');
});

test('a smaller batch of imagenet-mobile has the root of the rate, and parts of as many images', () => {
  const [whole, quarter, small] = [[], ['--batch-size', '512'], ['--batch-size', '32']].map((words) => {
    const { batchSize, learningRate, accumulate } = stated(['--recipe', 'imagenet-mobile', ...words]);
    return { batchSize, learningRate, accumulate };
  });
  assert.deepEqual(whole, { batchSize: 2048, learningRate: 0.016, accumulate: 8 }); // parts of 256
  assert.deepEqual(quarter, { batchSize: 512, learningRate: 0.008, accumulate: 2 });
  assert.deepEqual(small, { batchSize: 32, learningRate: 0.002, accumulate: 1 });
});

test('few images have smaller batches, so that a training has a thousand steps, of at least 16 images', () => {
  const fitting = (batchSize: number, epochs: number, images: number) => fittingBatch({ batchSize, epochs }, images);
  assert.equal(fitting(2048, 450, 1_281_167), 2048);
  assert.equal(fitting(256, 40, 216), 16); // 540 steps
  assert.equal(fitting(2048, 450, 216), 64); // 1,350 steps; batches of 128 would make 450
  assert.equal(fitting(256, 40, 3200), 128); // 40 epochs of 25 steps
  assert.equal(fitting(20, 1, 50), 16);
});

test('an average over epochs replaces one by its decay', () => {
  const { averageEpochs, averageDecay } = stated(['--recipe', 'imagenet-paper', '--average-weights', '2']);
  assert.deepEqual([averageEpochs, averageDecay], [2, undefined]);
  const none = stated(['--recipe', 'imagenet-paper', '--average-weights', '0']);
  assert.deepEqual([none.averageEpochs, none.averageDecay], [undefined, undefined]);
});

test('every flag replaces its own value and no other', () => {
  const flags: [string, string, Partial<Recipe>][] = [
    ['--epochs', '1.5', { epochs: 1.5 }],
    ['--batch-size', '8', { batchSize: 8 }],
    ['--learning-rate', '0.3', { learningRate: 0.3 }],
    ['--schedule', 'linear', { schedule: 'linear' }],
    ['--warmup', '0.2', { warmup: 0.2 }],
    ['--optimizer', 'rmsprop', { optimizer: { name: 'rmsprop', decay: 0.9, epsilon: 1 } }],
    ['--weight-decay', '0', { weightDecay: 0 }],
    ['--bias-rate', '8', { biasRate: 8 }],
    ['--label-smoothing', '0.1', { labelSmoothing: 0.1 }],
    ['--average-weights', '2', { averageEpochs: 2 }],
    ['--accumulate', '4', { accumulate: 4 }],
    ['--dropout-keep', '0.5', { dropoutKeep: 0.5 }],
    ['--norm-decay', '0.99', { normDecay: 0.99 }],
    ['--mixup', '0.2', { mixup: 0.2 }],
    ['--cutmix', '1', { cutmix: 1 }],
    ['--rand-augment', '2:9', { randAugment: { operations: 2, magnitude: 9 } }],
    ['--erasing', '0.25', { erasing: 0.25 }],
    ['--auxiliary-weight', '0', { auxiliaryWeight: 0 }],
    ['--drop-path-keep', '1', { dropPathKeep: 1 }],
    ['--augment', 'translate', { enlarge: 1, translate: 4 / 32 }],
    ['--flip', 'alternate', { flip: 'alternate' }],
    ['--flip', 'none', { flip: false }],
    ['--cutout', '0', { cutout: 0 }],
    [
      '--grow',
      '0.5:0.3,0.75:0.6',
      {
        growth: [
          { scale: 0.5, until: 0.3 },
          { scale: 0.75, until: 0.6 },
        ],
      },
    ],
  ];
  for (const [flag, value, change] of flags) {
    assert.deepEqual(stated(['--recipe', 'paper', flag, value]), { ...finalRecipe, ...change });
  }
});

test('an average over 0 epochs means the last weights', () => {
  assert.deepEqual(stated(['--average-weights', '0']), smallRecipe);
});

test('invalid numbers are refused with their flag', () => {
  const refused: [string, string, RegExp][] = [
    ['--warmup', '1.5', /^--warmup: expected a share from 0 to 1 such as 0.05, got "1.5"$/],
    ['--drop-path-keep', '5', /^--drop-path-keep: expected a share from 0 to 1 such as 0.05, got "5"$/],
    ['--label-smoothing', '-0.1', /^--label-smoothing: expected a share from 0 to 1 such as 0.05, got "-0.1"$/],
    ['--weight-decay', 'x', /^--weight-decay: expected a number of at least 0, got "x"$/],
    ['--grow', '0.5', /^--grow: expected SCALE:UNTIL, both between 0 and 1, such as 0.5:0.3, got "0.5"$/],
    ['--grow', '2:0.5', /got "2:0.5"$/],
  ];
  for (const [flag, value, message] of refused) {
    assert.throws(
      () => stated([`${flag}=${value}`]),
      (error: Error) => error instanceof InputError && message.test(error.message),
    );
  }
});

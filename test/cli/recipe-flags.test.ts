// A named recipe with flags that replace single values.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { addRecipeFlags, type RecipeFlags, recipeOf } from '../../src/cli/flags/recipe-flags.ts';
import { InputError } from '../../src/failure.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { nasnetA } from '../../src/space/published.ts';
import { finalRecipe, type Recipe, recipes, smallRecipe } from '../../src/train/recipe.ts';

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

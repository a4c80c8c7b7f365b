import assert from 'node:assert/strict';
import { test } from 'node:test';
import { learningRateAt } from '../../src/train/learning-rate.ts';
import { childRecipe } from '../../src/train/recipe.ts';

const recipe = { ...childRecipe, learningRate: 0.1 };
const close = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-12, `${actual}, not ${expected}`);

test('cosine: the peak at the first step, half of it in the middle, almost 0 at the last', () => {
  close(learningRateAt(recipe, 0, 100), 0.1);
  close(learningRateAt(recipe, 50, 100), 0.05);
  close(learningRateAt(recipe, 99, 100), 0.05 * (1 + Math.cos(0.99 * Math.PI)));
});

test('a warm-up rises in equal steps to the peak, where the cosine starts', () => {
  const warm = { ...recipe, warmup: 0.1 };
  close(learningRateAt(warm, 0, 100), 0.01);
  close(learningRateAt(warm, 9, 100), 0.1);
  close(learningRateAt(warm, 10, 100), 0.1);
  close(learningRateAt(warm, 55, 100), 0.05);
});

test('linear falls by the same amount at every step after the warm-up', () => {
  const falling = { ...recipe, schedule: 'linear', warmup: 0.2 } as const;
  close(learningRateAt(falling, 19, 100), 0.1);
  close(learningRateAt(falling, 20, 100), 0.1);
  close(learningRateAt(falling, 60, 100), 0.05);
  close(learningRateAt(falling, 99, 100), 0.1 / 80);
});

test('exponential is by default that of the released ImageNet models, times 0.97 every 2.4 epochs', () => {
  const falling = { ...recipe, schedule: 'exponential', epochs: 10 } as const; // 100 steps an epoch
  close(learningRateAt(falling, 239, 1000), 0.1);
  close(learningRateAt(falling, 240, 1000), 0.097);
  close(learningRateAt(falling, 999, 1000), 0.1 * 0.97 ** 4);
  close(learningRateAt({ ...falling, decay: { factor: 0.5, epochs: 5 } }, 500, 1000), 0.05);
});

test('constant stays', () => {
  close(learningRateAt({ ...recipe, schedule: 'constant' }, 77, 100), 0.1);
});

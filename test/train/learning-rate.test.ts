import assert from 'node:assert/strict';
import { test } from 'node:test';
import { learningRateAt } from '../../src/train/learning-rate.ts';
import { childRecipe } from '../../src/train/recipe.ts';

const recipe = { ...childRecipe, learningRate: 0.1 };
const close = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-12, `${actual}, not ${expected}`);

test('one cosine: the peak at the first step, half of it in the middle, almost nothing at the last', () => {
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

test('constant stays', () => {
  close(learningRateAt({ ...recipe, schedule: 'constant' }, 77, 100), 0.1);
});

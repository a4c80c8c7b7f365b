import assert from 'node:assert/strict';
import { test } from 'node:test';
import { averageShareAt, learningRateAt } from '../../src/train/learning-rate.ts';
import { shortNormDecay } from '../../src/train/norm-decay.ts';
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

test('an average by its decay is TensorFlow’s: the smaller of the decay and (1 + steps) / (10 + steps)', () => {
  const shareAt = (step: number) => averageShareAt({ ...recipe, averageDecay: 0.9999 }, step, 5000);
  close(shareAt(0), 1 - 1 / 10);
  close(shareAt(990), 1 - 991 / 1000);
  close(shareAt(1e6), 1e-4);
  assert.equal(averageShareAt(recipe, 5, 100), 0);
});

test('norms of a short training forget their initial statistics, those of a long one keep the layout’s decay', () => {
  assert.equal(shortNormDecay(0.9997, 40), 0.9);
  assert.equal(shortNormDecay(0.9997, 1000), 0.98);
  assert.equal(shortNormDecay(0.9997, 1e6), undefined);
  assert.equal(shortNormDecay(0.9, 40), undefined);
  for (const steps of [200, 3000, 60_000]) assert.ok((shortNormDecay(0.9997, steps) ?? 0.9997) ** steps < 1e-8);
});

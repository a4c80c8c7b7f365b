// What is said of classes with different numbers of images.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { skewSentence } from '../../src/cli/training/skew-words.ts';

/** Returns the beginning of the sentence about so many images of ant, bee and cat. */
function said(counts: number[], balance?: 'weights'): string | undefined {
  const labels = counts.flatMap((images, label) => Array.from({ length: images }, () => label));
  return skewSentence({ name: 'many', classes: ['ant', 'bee', 'cat'], labels }, balance)?.split(/[;:] (?=an|freq)/)[0];
}

test('the largest and the smallest class are named, and none twice where all are equal', () => {
  assert.equal(said([2, 6, 4], 'weights'), 'many: 6 images of bee, 2 of ant (3.0 to 1)');
  assert.equal(said([2, 6, 4]), 'many: 6 images of bee, 2 of ant (3.0 to 1)');
  assert.equal(said([4, 4, 3], 'weights'), 'many: 4 images of ant, 3 of cat (1.3 to 1)');
  assert.equal(said([4, 4, 4], 'weights'), 'many: 4 images of each class');
  assert.equal(said([4, 0, 4], 'weights'), 'many: 4 images of each class that has any');
});

test('without --balance nothing is said of classes of similar size', () => {
  assert.equal(said([4, 4, 4]), undefined);
  assert.equal(said([5, 2, 2]), undefined);
});

// Finalists of a search with a budget cost the same, so that the race asks what the budget will ask of them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lawValue } from '../../src/forecast/cost-law.ts';
import { finalistLaw, finalistTraining } from '../../src/forecast/finalist-training.ts';
import { TrainingTerms } from '../../src/forecast/prediction.ts';
import { randomCells } from '../../src/forecast/random-cells.ts';
import { Candidate } from '../../src/study/candidate.ts';
import { settingsOf } from '../../src/study/presets.ts';

const counts = { images: 50_000, classes: 10 };
const settings = settingsOf('laptop', { dataset: 'cifar10', seed: 1, strategy: 'random', budget: 480 });
const nasnetA = new Candidate(settings.known[0]!, settings.space);

test('a finalist that costs more than NASNet-A has fewer epochs, a cheaper one more, and all cost the same', () => {
  const secondsOf = (cell: Candidate) => {
    const training = finalistTraining(settings, cell, counts);
    return lawValue(finalistLaw, new TrainingTerms(settings, training, counts).of(cell).seconds);
  };
  const { epochs } = settings.finalists!.training.recipe;
  assert.equal(finalistTraining(settings, nasnetA, counts).recipe.epochs, epochs);
  const shares = randomCells(settings).map((cell) => {
    const share = finalistTraining(settings, cell, counts).recipe.epochs / epochs;
    if (share > 0.2 && share < 2) assert.ok(Math.abs(secondsOf(cell) / secondsOf(nasnetA) - 1) < 0.05, `${share}`);
    return share;
  });
  assert.ok(Math.min(...shares) < 0.9 && Math.max(...shares) > 1, `${shares}`);
});

test('studies of other versions and searches without a known cell keep equal epochs', () => {
  const { equalCost: _, ...finalists } = settings.finalists!;
  const [cell] = randomCells(settings);
  assert.equal(finalistTraining({ ...settings, finalists }, cell!, counts), finalists.training);
  assert.equal(finalistTraining({ ...settings, known: [] }, cell!, counts), settings.finalists!.training);
});

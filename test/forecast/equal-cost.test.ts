// Children and finalists of a search with a budget have the epochs that their final network has in the same time, so
// that they are asked what the budget will ask of them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lawValue } from '../../src/forecast/cost-law.ts';
import {
  childTerms,
  childTrainings,
  finalistLaw,
  finalistTraining,
  type TrainingOf,
} from '../../src/forecast/equal-cost.ts';
import { TrainingTerms } from '../../src/forecast/prediction.ts';
import { randomCells } from '../../src/forecast/random-cells.ts';
import { Candidate } from '../../src/study/candidate.ts';
import { finalSizes } from '../../src/study/final-training.ts';
import { settingsOf } from '../../src/study/presets.ts';
import type { SearchSettings, Training } from '../../src/study/settings.ts';

const counts = { images: 50_000, classes: 10 };
const settings = settingsOf('laptop', { dataset: 'cifar10', seed: 1, strategy: 'random', budget: 480 });
const first = new Candidate(settings.known[0]!, settings.space);
const cells = randomCells(settings);
const sharesOf = (training: Training, of: (cell: Candidate) => Training) =>
  cells.map((cell) => of(cell).recipe.epochs / training.recipe.epochs);

test('children and finalists have fewer epochs where the final network costs more than that of the first known cell', () => {
  const { child } = settings;
  const terms = new TrainingTerms(settings, settings.final, counts);
  const seconds = (cell: Candidate) => lawValue(settings.costLaw!, terms.of(cell).seconds);
  const [childOf] = childTrainings(settings, counts);
  const shares = sharesOf(child, childOf!);
  for (const [index, share] of shares.entries()) {
    const allowed = seconds(first) / seconds(cells[index]!);
    assert.ok(Math.abs(share / Math.min(2, Math.max(0.2, allowed)) - 1) < 0.005, `${share} for ${allowed}`);
  }
  assert.ok(Math.min(...shares) < 0.6 && Math.max(...shares) > 0.9, `${shares}`);
  assert.equal(childOf!(first).recipe.epochs, child.recipe.epochs);
  const finalists = sharesOf(settings.finalists!.training, finalistTraining(settings, counts));
  for (const [index, share] of finalists.entries()) assert.ok(Math.abs(share / shares[index]! - 1) < 0.02);
});

test('costs are those of the size that the budget is predicted to allow', () => {
  const wide = { ...settings, costSize: 4 };
  const terms = new TrainingTerms(wide, finalSizes(wide)[4]!, counts);
  const seconds = (cell: Candidate) => lawValue(wide.costLaw!, terms.of(cell).seconds);
  const [childOf, smallestOf] = [wide, settings].map((each) => childTrainings(each, counts)[0]!);
  const [cell] = cells as [Candidate];
  const share = (of: TrainingOf) => of(cell).recipe.epochs / wide.child.recipe.epochs;
  assert.ok(Math.abs(share(childOf!) / (seconds(first) / seconds(cell)) - 1) < 0.005);
  assert.notEqual(share(childOf!), share(smallestOf!));
});

test('without known cells the first named one is what others are compared with', () => {
  const without = { ...settings, known: [] };
  assert.deepEqual(childTrainings(without, counts)[0]!(cells[0]!), childTrainings(settings, counts)[0]!(cells[0]!));
});

test('the predicted cost of a child is that of its own epochs', () => {
  const [cell] = cells;
  const training = childTrainings(settings, counts)[0]!(cell!);
  assert.deepEqual(childTerms(settings, counts)[0]!(cell!), new TrainingTerms(settings, training, counts).of(cell!));
});

test('the finalists of older studies cost the same, their children have equal epochs', () => {
  const { costLaw: _, ...older }: SearchSettings = settings;
  assert.equal(childTrainings(older, counts)[0]!(cells[0]!), settings.child);
  const secondsOf = (cell: Candidate) => {
    const training = finalistTraining(older, counts)(cell);
    return lawValue(finalistLaw, new TrainingTerms(settings, training, counts).of(cell).seconds);
  };
  for (const [index, share] of sharesOf(settings.finalists!.training, finalistTraining(older, counts)).entries())
    if (share > 0.2 && share < 2)
      assert.ok(Math.abs(secondsOf(cells[index]!) / secondsOf(first) - 1) < 0.05, `${share}`);
  const { equalCost: __, ...finalists } = settings.finalists!;
  assert.equal(finalistTraining({ ...older, finalists }, counts)(cells[0]!), finalists.training);
  assert.equal(finalistTraining({ ...older, known: [] }, counts)(cells[0]!), settings.finalists!.training);
});

// The training of a finalist: the stated one, or one that costs as much as that of the first known cell.

import { Candidate } from '../study/candidate.ts';
import { withEpochs } from '../study/presets.ts';
import type { SearchSettings, Training } from '../study/settings.ts';
import { lawValue } from './cost-law.ts';
import { type ImageCounts, TrainingTerms } from './prediction.ts';

/**
 * The law of seconds (cost-law.ts) by which finalists cost the same. It decides: a study goes on with it whatever the
 * default coefficients become, so it never changes.
 */
export const finalistLaw = [6.9e-11, 9.3e-11, 1.77e-9, 1.13e-4, 0.02] as const;

/** Most epochs of a cheap finalist, and least of a costly one, as a share of the stated ones. */
const epochBounds = { least: 0.2, most: 2 };

/**
 * Returns the training of a finalist. With `equalCost` it has so many epochs that it costs as much as the stated
 * training of the first known cell, by a law that is the same on every machine: the budget then gives its final network
 * fewer epochs in the same proportion, and a costly cell must be worth them.
 */
export function finalistTraining(settings: SearchSettings, candidate: Candidate, counts: ImageCounts): Training {
  const { finalists, known, space } = settings;
  const { training, equalCost } = finalists!;
  const [reference] = known;
  if (!equalCost || !reference) return training;
  const terms = new TrainingTerms(settings, training, counts);
  const seconds = (cell: Candidate) => lawValue(finalistLaw, terms.of(cell).seconds);
  const share = seconds(new Candidate(reference, space)) / seconds(candidate);
  const { least, most } = epochBounds;
  const epochs = training.recipe.epochs * Math.min(most, Math.max(least, share));
  return withEpochs(training, Number(epochs.toPrecision(3)));
}

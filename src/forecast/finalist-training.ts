// The training of a finalist: the stated one, or one that costs as much as that of the first known cell.

import { Candidate } from '../study/candidate.ts';
import { withEpochs } from '../study/presets.ts';
import type { SearchSettings, Training } from '../study/settings.ts';
import { lawValue, startingLaws } from './cost-law.ts';
import { type ImageCounts, TrainingTerms } from './prediction.ts';

/** Most epochs of a cheap finalist, and least of a costly one, as a share of the stated ones. */
const epochBounds = { least: 0.2, most: 2 };

/**
 * Returns the training of a finalist. With `equalCost` it has so many epochs that it costs as much as the stated
 * training of the first known cell, by the default law: the budget then gives its final network fewer epochs in the
 * same proportion, and a costly cell must be worth them. The law is a constant, so that every machine decides the same.
 */
export function finalistTraining(settings: SearchSettings, candidate: Candidate, counts: ImageCounts): Training {
  const { finalists, known, space } = settings;
  const { training, equalCost } = finalists!;
  const [reference] = known;
  if (!equalCost || !reference) return training;
  const terms = new TrainingTerms(settings, training, counts);
  const seconds = (cell: Candidate) => lawValue(startingLaws.seconds, terms.of(cell).seconds);
  const share = seconds(new Candidate(reference, space)) / seconds(candidate);
  const { least, most } = epochBounds;
  const epochs = training.recipe.epochs * Math.min(most, Math.max(least, share));
  return withEpochs(training, Number(epochs.toPrecision(3)));
}

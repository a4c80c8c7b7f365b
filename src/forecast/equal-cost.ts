// Children and finalists of equal cost: a cell whose final network costs twice as much as that of a reference cell has
// half the epochs, since the budget gives its final network half the epochs, too. A costly cell must be worth that.

import { Candidate } from '../study/candidate.ts';
import { finalSizes } from '../study/final-training.ts';
import { namedDecisions } from '../study/named-decisions.ts';
import { withEpochs } from '../study/presets.ts';
import { rungTrainings } from '../study/rung-trainings.ts';
import type { SearchSettings, Training } from '../study/settings.ts';
import { budgetRule } from './budget.ts';
import { lawValue } from './cost-law.ts';
import { type CostTerms, type ImageCounts, TrainingTerms } from './prediction.ts';

/** The law of the finalists of studies that store none. It decides their races, so it never changes. */
export const finalistLaw = [6.9e-11, 9.3e-11, 1.77e-9, 1.13e-4, 0.02] as const;

/** Most epochs of a cheap cell, and least of a costly one, as a share of the stated ones. */
const epochBounds = { least: 0.2, most: 2 };

/** Returns a training for each cell. */
export type TrainingOf = (candidate: Candidate) => Training;

interface EqualCost {
  training: Training;
  /** The training whose cost is compared. */
  compared: Training;
  law: readonly number[];
  /** Decisions of the cell that has the epochs of `training`. */
  reference: readonly number[];
  /** Most epochs of any cell. Default: any number. */
  mostEpochs?: number;
}

/** Returns the training of each cell with so many epochs that `compared` costs what it costs with the reference. */
function atEqualCost(
  settings: SearchSettings,
  { training, compared, law, reference, mostEpochs = Number.POSITIVE_INFINITY }: EqualCost,
  counts: ImageCounts,
): TrainingOf {
  const terms = new TrainingTerms(settings, compared, counts);
  const seconds = (cell: Candidate) => lawValue(law, terms.of(cell).seconds);
  const most = seconds(new Candidate([...reference], settings.space));
  return (candidate) => {
    const share = Math.min(epochBounds.most, Math.max(epochBounds.least, most / seconds(candidate)));
    return withEpochs(training, Number(Math.min(mostEpochs, training.recipe.epochs * share).toPrecision(3)));
  };
}

/**
 * Returns the decisions of the cell whose cost is that of all; undefined if there is none, so that all cells have equal
 * epochs.
 */
export function referenceCell(settings: Pick<SearchSettings, 'costLaw' | 'known' | 'space' | 'blocks'>) {
  const { costLaw, known, space, blocks } = settings;
  return known[0] ?? (costLaw && namedDecisions(space, blocks)[0]);
}

/** Returns the trainings of children at all rungs, the lowest first. */
export const childTrainings = (settings: SearchSettings, counts: ImageCounts): TrainingOf[] =>
  rungTrainings(settings).map((training) => trainingAs(settings, training, counts));

/** Returns the training of finalists. */
export function finalistTraining(settings: SearchSettings, counts: ImageCounts): TrainingOf {
  const { finalists, costLaw } = settings;
  const { training, equalCost } = finalists!;
  const reference = referenceCell(settings);
  const isOlder = equalCost && !costLaw;
  if (isOlder && reference)
    return atEqualCost(settings, { training, compared: training, law: finalistLaw, reference }, counts);
  return trainingAs(settings, training, counts);
}

/**
 * Returns a training with as many epochs as the cost of the cell's final network allows, but not more than that network
 * can have, unless `training` has more.
 */
function trainingAs(settings: SearchSettings, training: Training, counts: ImageCounts): TrainingOf {
  const { costLaw: law, costSize = 0 } = settings;
  const compared = finalSizes(settings)[costSize] ?? settings.final;
  const reference = referenceCell(settings);
  const mostEpochs = Math.max(budgetRule.epochs.most, training.recipe.epochs);
  return law && reference
    ? atEqualCost(settings, { training, compared, law, reference, mostEpochs }, counts)
    : () => training;
}

/** Returns the terms of a cell's cost in its own training. */
export type TermsOf = (candidate: Candidate) => CostTerms;

/** Returns the terms of the cost of children at all rungs, the lowest first. */
export const childTerms = (settings: SearchSettings, counts: ImageCounts): TermsOf[] =>
  childTrainings(settings, counts).map((trainingOf) => termsIn(trainingOf, settings, counts));

/** Returns the terms of the cost of cells in trainings of their own. */
export const termsIn =
  (trainingOf: TrainingOf, settings: SearchSettings, counts: ImageCounts): TermsOf =>
  (candidate) =>
    new TrainingTerms(settings, trainingOf(candidate), counts).of(candidate);

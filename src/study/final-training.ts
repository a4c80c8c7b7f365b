// The training of a study's final network: that of its settings, or the one that its budget plan has chosen.

import { endedAfter } from '../train/recipe.ts';
import { epochWord } from '../words.ts';
import type { BudgetDecisions, FinalModel } from './results.ts';
import type { SearchSettings, Training } from './settings.ts';
import type { Study } from './study.ts';

/** Returns the trainings from which a budget plan chooses, smallest first: only one if the final network has limits. */
export function finalSizes({ final, budget, limits }: Pick<SearchSettings, 'final' | 'budget' | 'limits'>): Training[] {
  return limits ? [final] : [final, ...(budget?.larger ?? [])];
}

/** Returns the final training with the size and epochs that a budget plan has chosen. */
export function plannedTraining(
  settings: Pick<SearchSettings, 'final' | 'budget' | 'limits'>,
  { size, epochs }: NonNullable<BudgetDecisions['final']>,
): Training {
  const training = finalSizes(settings)[size] ?? settings.final;
  return { ...training, recipe: { ...training.recipe, epochs } };
}

/** Returns the final training: that of the settings until a budget plan has chosen one. */
export function decidedTraining(study: Study<SearchSettings>): Training {
  const decided = study.result('budget decisions')?.final;
  return decided ? plannedTraining(study.settings, decided) : study.settings.final;
}

/** Returns the final training; when it is over, with the epochs that there was time for. */
export function finalTraining(study: Study<SearchSettings>): Training {
  const training = decidedTraining(study);
  return { ...training, recipe: endedAfter(training.recipe, study.result('final model')?.scheduledEpochs) };
}

/** Returns the epochs of a final training in words, with those that were trained where patience has ended it early. */
export function epochsWords(
  { epochs, patience }: Pick<Training['recipe'], 'epochs' | 'patience'>,
  final: Pick<FinalModel, 'epochs'> | undefined,
): string {
  const last = final?.epochs.at(-1)?.epoch ?? epochs;
  const isEarly = patience !== undefined && Number.isInteger(last) && last < epochs; // patience ends after an epoch
  return `${isEarly ? `${last} of ` : ''}${epochWord(epochs)} ${epochs === 1 ? 'epoch' : 'epochs'}`;
}

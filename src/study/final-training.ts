// The training of a study's final network: as its settings state it, or as its budget has decided.

import type { BudgetDecisions } from './results.ts';
import type { SearchSettings, Training } from './settings.ts';
import type { Study } from './study.ts';

/** All that a budget may choose from, smallest first. With limits on the final network it has one size. */
export function finalSizes({ final, budget, limits }: Pick<SearchSettings, 'final' | 'budget' | 'limits'>): Training[] {
  return limits ? [final] : [final, ...(budget?.larger ?? [])];
}

export function plannedTraining(
  settings: Pick<SearchSettings, 'final' | 'budget' | 'limits'>,
  { size, epochs }: NonNullable<BudgetDecisions['final']>,
): Training {
  const training = finalSizes(settings)[size] ?? settings.final;
  return { ...training, recipe: { ...training.recipe, epochs } };
}

/** The settings' one until a budget has decided. */
export function finalTraining(study: Study<SearchSettings>): Training {
  const decided = study.result('budget decisions')?.final;
  return decided ? plannedTraining(study.settings, decided) : study.settings.final;
}

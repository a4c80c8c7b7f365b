// Studies whose trials nasnet does not train itself: a command of the user's evaluates them, or outcomes are told by hand (docs/evaluator.md).

import type { StudyRecords } from './records.ts';
import type { ExternalEvaluator, SearchSettings } from './settings.ts';
import type { Study } from './study.ts';

/** Stands for the dataset in the settings of such a study. */
export const noDataset = 'none';

/** The evaluator that a study goes on with: the one that it was started with, or the latest that it was changed to. Undefined: nasnet trains. */
export function evaluatorOf(study: StudyRecords & { settings: SearchSettings }): ExternalEvaluator | undefined {
  const { evaluator } = study.settings;
  return evaluator && (study.result('evaluator') ?? evaluator);
}

/** The study goes on with another one; its settings still say what it was started with. */
export function changeEvaluator(study: Study<SearchSettings>, evaluator: ExternalEvaluator): void {
  study.keep('evaluator', evaluator);
}

/** Where rewards come from, in words: "on cifar10", "with rewards of "python3 train.py"". */
export function rewardSource({ dataset, evaluator }: SearchSettings): string {
  if (!evaluator) return `on ${dataset}`;
  if (evaluator.command !== undefined) return `with rewards of ${JSON.stringify(evaluator.command)}`;
  return dataset === noDataset ? 'with rewards that were told' : `on ${dataset}, with rewards that were told`;
}

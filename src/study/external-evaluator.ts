// Studies whose trials nasnet does not train itself: a command of the user's evaluates them, or outcomes are told by hand (docs/evaluator.md).

import { InputError } from '../failure.ts';
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

/**
 * Fixes who evaluates the trials of a study from now on; its settings still say what it was started with.
 * @param wanted in place of what the study has: a command, a time limit, or neither
 * @param change whether the command may be another one
 * @throws InputError for a study whose children nasnet trains, for another command without leave, and where there is none at all
 */
export function goOnWith(study: Study<SearchSettings>, wanted: ExternalEvaluator, change: boolean): void {
  const { path } = study;
  const evaluator = evaluatorOf(study);
  const got = wanted.command === undefined ? 'none' : JSON.stringify(wanted.command);
  if (!evaluator)
    throw new InputError(
      `evaluator: expected none, with which ${path} was started, got ${got}; name another file to start a new search`,
      { code: 'evaluator-of-own-training', fields: { path } },
    );
  const next = { ...evaluator, ...wanted };
  if (next.command === undefined)
    throw new InputError(`${path}: expected outcomes by "tell", as so far, or a new evaluator, got neither`, {
      code: 'no-evaluator',
      fields: { path },
    });
  if (next.command !== evaluator.command && !change) {
    const expected = evaluator.command === undefined ? 'none' : JSON.stringify(evaluator.command);
    throw new InputError(
      `evaluator: expected ${expected}, with which ${path} was started, got ${got}; leave to change it goes on with the other one`,
      { code: 'other-evaluator', fields: { path } },
    );
  }
  if (next.command !== evaluator.command || next.timeLimit !== evaluator.timeLimit) study.keep('evaluator', next);
}

/** Where rewards come from, in words: "on cifar10", "with rewards of "python3 train.py"". */
export function rewardSource({ dataset, evaluator }: SearchSettings): string {
  if (!evaluator) return `on ${dataset}`;
  if (evaluator.command !== undefined) return `with rewards of ${JSON.stringify(evaluator.command)}`;
  return dataset === noDataset ? 'with rewards that were told' : `on ${dataset}, with rewards that were told`;
}

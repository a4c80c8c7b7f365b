// Studies with an external evaluator: a command evaluates the trials, or outcomes are reported with `nasnet tell`
// (docs/evaluator.md).

import { InputError } from '../failure.ts';
import type { StudyRecords } from './records.ts';
import type { ExternalEvaluator, SearchSettings } from './settings.ts';
import type { Study } from './study.ts';

/** The dataset in the settings of a study without one. */
export const noDataset = 'none';

/** Returns the current evaluator of a study; undefined if nasnet trains the children. */
export function evaluatorOf(study: StudyRecords & { settings: SearchSettings }): ExternalEvaluator | undefined {
  const { evaluator } = study.settings;
  return evaluator && (study.result('evaluator') ?? evaluator);
}

/**
 * Sets the evaluator of a study from now on; the settings keep the first one.
 * @param wanted a new command, a new time limit, both or neither
 * @param change whether the command may change
 * @throws InputError if nasnet trains the children of the study, if the command differs and `change` is false, or if
 * there is no evaluator
 */
export function useEvaluator(study: Study<SearchSettings>, wanted: ExternalEvaluator, change: boolean): void {
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
    throw new InputError(`${path}: expected outcomes by "tell", as before, or a new evaluator, got neither`, {
      code: 'no-evaluator',
      fields: { path },
    });
  if (next.command !== evaluator.command && !change) {
    const expected = evaluator.command === undefined ? 'none' : JSON.stringify(evaluator.command);
    throw new InputError(
      `evaluator: expected ${expected}, with which ${path} was started, got ${got}; leave to change it continues with the other one`,
      { code: 'other-evaluator', fields: { path } },
    );
  }
  if (next.command !== evaluator.command || next.timeLimit !== evaluator.timeLimit) study.keep('evaluator', next);
}

/** Describes the source of rewards: "on cifar10", "with rewards of "python3 train.py"". */
export function rewardSource({ dataset, evaluator }: SearchSettings): string {
  if (!evaluator) return `on ${dataset}`;
  if (evaluator.command !== undefined) return `with rewards of ${JSON.stringify(evaluator.command)}`;
  return dataset === noDataset ? 'with reported rewards' : `on ${dataset}, with reported rewards`;
}

import { Study } from '../../src/study/study.ts';
import { decisionsOf } from './decisions-of.ts';

/** Returns all that must be equal: decisions, outcomes, the order of asks and reports, and the controller's updates. */
export function historyOf(path: string) {
  using study = Study.open(path, { readOnly: true });
  const records = study
    .trials()
    .map(({ decisions, reward, failure, sameAs }) => ({ decisions, reward, failure, sameAs }));
  const updates = study.updates().map(({ trial, figures }) => ({ trial, figures }));
  return { records, calls: decisionsOf(path), updates };
}

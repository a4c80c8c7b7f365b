import { Study } from '../../src/study/study.ts';
import { decisionsOf } from './decisions-of.ts';

/** All that must be equal: what was decided and what came out, in which order it was asked and reported, and the controller's updates. */
export function historyOf(path: string) {
  using study = Study.open(path, { readOnly: true });
  const records = study
    .trials()
    .map(({ decisions, reward, failure, sameAs }) => ({ decisions, reward, failure, sameAs }));
  const updates = study.updates().map(({ trial, figures }) => ({ trial, figures }));
  return { records, calls: decisionsOf(path), updates };
}

// The evaluator of the finalists' kill test: accuracies that are known beforehand, one finalist that fails, every
// completed training noted.

import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FinalistRun } from '../../src/study/finalist-runs.ts';
import type { EvaluateJob } from '../../src/workers/messages.ts';
import { accuracyOf, failing } from './finalists-outcomes.ts';

export function start(notes: unknown): EvaluateJob {
  return async (job, report) => {
    const { trial, run } = job as FinalistRun;
    report({ epoch: 1, loss: 1 });
    await sleep(3 + ((7 * trial + 5 * run) % 11));
    appendFileSync(String(notes), `${trial} ${run}\n`);
    if (trial === failing) throw Object.assign(new Error('no memory'), { kind: 'out-of-memory' });
    return { reward: accuracyOf(trial, run) };
  };
}

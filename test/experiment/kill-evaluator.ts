// The deterministic evaluator of the kill test in its worker processes: it notes each evaluation that it completes. In
// a search with a ladder its children wait in files, as real ones do.

import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EvaluateJob } from '../../src/workers/messages.ts';
import { durationOf } from './chain-strategy.ts';
import { type LadderJob, rewardOfLadder } from './waiting-children.ts';

export function start(notes: unknown): EvaluateJob {
  return async (job, report) => {
    const { number, rung = 0 } = job as LadderJob;
    report({ epoch: 1, loss: 1 / (1 + number) });
    await sleep(durationOf(number + 7 * rung) * (1 + rung));
    const reward = rewardOfLadder(job as LadderJob, (line) => appendFileSync(String(notes), `${line}\n`));
    return { reward };
  };
}

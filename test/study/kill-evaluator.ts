// The deterministic evaluator of the kill test in its worker processes: it notes each evaluation that it completes.

import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TrialToEvaluate } from '../../src/study/evaluation.ts';
import type { EvaluateJob } from '../../src/workers/messages.ts';
import { durationOf, rewardOf } from './chain-strategy.ts';

export function start(notes: unknown): EvaluateJob {
  return async (job, report) => {
    const { number, decisions } = job as TrialToEvaluate;
    report({ epoch: 1, loss: 1 / (1 + number) });
    await sleep(durationOf(number));
    appendFileSync(String(notes), `${number}\n`);
    return { reward: rewardOf(decisions) };
  };
}

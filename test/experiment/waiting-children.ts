// Children of the kill test that climb a ladder: each leaves a file for its promotion, and what it reaches at the next
// rung depends on that file's content. A missing file of a promoted child is recorded.

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { rewardOf } from './chain-strategy.ts';

export interface LadderJob {
  number: number;
  decisions: readonly number[];
  rung?: number;
  /** The files of the paused child after the rung below and after this one. */
  from?: string | undefined;
  to?: string | undefined;
}

/** A reward from 0 to 1, or NaN, from the decisions, the rung and what the child left at the rung below. */
export function rewardOfLadder(
  { number, decisions, rung = 0, from, to }: LadderJob,
  note: (line: string) => void,
): number {
  let left = 0;
  if (from !== undefined) {
    if (existsSync(from)) left = Number(readFileSync(from, 'utf8'));
    else note(`missing ${number} ${rung}`);
  }
  const reward = rung === 0 ? rewardOf(decisions) : rewardOf([...decisions, rung, left]);
  if (to !== undefined) {
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(`${to}.${process.pid}.part`, String(Math.floor(reward * 2 ** 32)));
    renameSync(`${to}.${process.pid}.part`, to);
  }
  note(`${number} ${rung}`);
  return reward;
}

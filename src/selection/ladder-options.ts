// The promotion rule of a search's ladders, and which trial is on which ladder.

import { RandomStream } from '../random/stream.ts';
import { armCount, armOf } from '../search/arms-strategy.ts';
import type { SearchSettings } from '../study/settings.ts';
import type { LadderRule } from './ladder.ts';

export interface LadderOptions extends LadderRule {
  /** The number of ladders, and the ladder of a trial. Default: one for all trials. */
  ladders?: number;
  ladderOf?: (trial: number) => number;
}

/**
 * Returns the rule of a search's ladders: one for each arm and, if there are several arms, one for the known cells,
 * which belong to no arm.
 */
export function ladderOptions({ ladder, seed, strategy, known = [] }: SearchSettings): LadderOptions | undefined {
  if (!ladder) return undefined;
  const arms = armCount(strategy);
  const { reduction, randomShare } = ladder;
  const stream = (member: number, rung: number) => new RandomStream(`${seed}, trial ${member}, lot at rung ${rung}`);
  return {
    rungs: 1 + ladder.rungs.length,
    reduction,
    ...(randomShare > 0 && { atRandom: (member, rung) => stream(member, rung).uniform() < randomShare }),
    ladders: arms > 1 && known.length > 0 ? arms + 1 : arms,
    ladderOf: (trial) => (arms > 1 && trial < known.length ? arms : armOf(trial, arms)),
  };
}

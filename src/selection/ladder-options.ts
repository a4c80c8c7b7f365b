// The ladders of a search by its settings: their rule, and which trial is on which.

import { RandomStream } from '../random/stream.ts';
import { armNames, armOf } from '../search/arms-strategy.ts';
import type { SearchSettings } from '../study/settings.ts';
import type { LadderRule } from './ladder.ts';

export interface LadderOptions extends LadderRule {
  /** How many ladders there are, and whose a trial is. One for all by default. */
  ladders?: number;
  ladderOf?: (trial: number) => number;
}

/** The rule of a search's ladder: one for each arm, and where there are several, one for the given cells, which are no arm's. */
export function ladderOptions({ ladder, seed, strategy, known = [] }: SearchSettings): LadderOptions | undefined {
  if (!ladder) return undefined;
  const arms = armNames(strategy).length;
  const { reduction, randomShare } = ladder;
  const lot = (member: number, rung: number) => new RandomStream(`${seed}, trial ${member}, lot at rung ${rung}`);
  return {
    rungs: 1 + ladder.rungs.length,
    reduction,
    ...(randomShare > 0 && { drawn: (member, rung) => lot(member, rung).uniform() < randomShare }),
    ladders: arms > 1 && known.length > 0 ? arms + 1 : arms,
    ladderOf: (trial) => (arms > 1 && trial < known.length ? arms : armOf(trial, arms)),
  };
}

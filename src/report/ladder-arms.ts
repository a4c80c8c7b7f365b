// The results of each arm of a search at each rung of its ladder. A training that two arms asked for counts for both;
// an arm counts one training of each graph.

import { armLabels, armNames } from '../search/arms-strategy.ts';
import { ladderOptions } from '../selection/ladder-options.ts';
import type { SearchSettings } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import { percent } from '../words.ts';
import { bestAndMean, type RungFinding, trainedWords } from './ladder-findings.ts';

export type ArmRung = Pick<RungFinding, 'rung' | 'done' | 'failed' | 'open' | 'best' | 'mean'>;

export interface LadderArm {
  label: string;
  /** From the lowest up. `open`: trainings without an outcome, or whose outcome is not yet reported to the arm. */
  rungs: ArmRung[];
}

/** Returns each arm's rungs, the known cells last; empty without a ladder or with one strategy. */
export function ladderArms(study: Study<SearchSettings>): LadderArm[] {
  const names = armNames(study.settings.strategy);
  const options = ladderOptions(study.settings);
  if (!options || names.length < 2) return [];
  const { ladders = 1, ladderOf = () => 0 } = options;
  const arms = Array.from({ length: ladders }, () => Array.from({ length: options.rungs }, newRung));

  const { asked } = study;
  for (let trial = 0; trial < asked; trial++) arms[ladderOf(trial)]![0]!.open++;
  for (const { number, outcome, sameAs = number } of study.log.reported) {
    const lowest = arms[ladderOf(number)]![0]!;
    lowest.open--;
    if ('reward' in outcome) lowest.rewards.set(sameAs, outcome.reward);
    else lowest.failed++;
  }
  const records = new Map(study.rungs.all().map((record) => [`${record.trial} ${record.rung}`, record]));
  for (const { ladder, member, rung } of study.rungs.promotions()) {
    const armRung = arms[ladder]![rung]!;
    const { state, reward } = records.get(`${member} ${rung}`)!;
    if (state === 'done') armRung.rewards.set(member, reward!);
    else armRung[state === 'failed' ? 'failed' : 'open']++;
  }

  const labels = [...armLabels(names), 'known cells'];
  return arms.map((rungs, arm) => ({
    label: labels[arm]!,
    rungs: rungs.map(({ rewards, ...counts }, rung) => ({
      rung,
      done: rewards.size,
      ...counts,
      ...bestAndMean(rewards),
    })),
  }));
}

const newRung = () => ({ rewards: new Map<number, number>(), failed: 0, open: 0 });

/** Returns every arm's rungs as a table; the first row is the header. */
export function ladderArmTable(arms: readonly LadderArm[]): string[][] {
  return [
    ['arm', 'rung', 'trained', 'best', 'mean'],
    ...arms.flatMap(({ label, rungs }) =>
      rungs.map(({ rung, best, mean, ...counts }) => [
        rung === 0 ? label : '',
        `${rung}`,
        trainedWords(counts),
        best ? `${percent(best.reward, 2)} (trial ${best.trial})` : '–',
        mean === null ? '–' : percent(mean, 2),
      ]),
    ),
  ];
}

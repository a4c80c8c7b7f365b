// The use of a search's budget, and the named cells compared with the cells of the search.

import { bestTrials } from '../selection/finalist-race.ts';
import { cellTitle } from '../space/named-cells.ts';
import { epochsWords, finalTraining } from '../study/final-training.ts';
import { nameOfCell } from '../study/named-decisions.ts';
import type { BudgetDecisions } from '../study/results.ts';
import type { SearchSettings } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import { duration, percent, whole } from '../words.ts';
import type { FinalistFindings } from './finalist-findings.ts';

export interface BudgetFindings extends BudgetDecisions {
  /** Seconds of the clock. */
  seconds: number;
  /** The spent seconds so far. */
  spent: number;
  /** The epochs of the final network in words, once they are decided. */
  finalEpochs?: string;
}

/** A named cell that was a known cell of the search, and the best of the others. */
export interface NamedFinding {
  name: string;
  trial: number;
  /** The reward of its child, and its mean as a finalist. */
  reward: number;
  mean?: number;
  /** The best cell that has no name; absent before there is any. */
  found?: { trial: number; reward: number; mean?: number };
  /** Whether the named cell is the best of all. */
  won: boolean;
}

/** Undefined without a budget. */
export function budgetFindings(study: Study<SearchSettings>): BudgetFindings | undefined {
  const { budget } = study.settings;
  if (!budget) return undefined;
  const spent = study.result('clock')?.seconds ?? 0;
  const decided = study.result('budget decisions');
  const { final } = decided ?? {};
  const { recipe } = finalTraining(study);
  return {
    ...{ seconds: budget.seconds, spent, ...decided },
    ...(final && {
      final: { ...final, epochs: recipe.epochs },
      finalEpochs: epochsWords(recipe, study.result('final model')),
    }),
  };
}

export function budgetSentence({ seconds, spent, trials, finalists, finalEpochs }: BudgetFindings): string {
  const decided = [
    ...(trials === undefined ? [] : [`${whole(trials)} children`]),
    ...(finalists === undefined ? [] : [finalistsWords(finalists)]),
    ...(finalEpochs === undefined ? [] : [`${finalEpochs} of the final network`]),
  ];
  const bought = decided.length > 0 ? `; it was divided into ${decided.join(', ')}` : '';
  return `${duration(spent)} of its budget of ${duration(seconds)} are spent${bought}.`;
}

function finalistsWords(count: number): string {
  if (count === 0) return 'no finalists';
  return count === 1 ? '1 finalist' : `${whole(count)} finalists`;
}

/** Returns the findings about each named cell that was a first trial and has a reward. */
export function namedFindings(study: Study<SearchSettings>, finalists: FinalistFindings | undefined): NamedFinding[] {
  const { known, space, blocks } = study.settings;
  const names = known.map((decisions) => nameOfCell(decisions, space, blocks));
  if (names.every((name) => name === undefined)) return [];
  const measured = (number: number) => {
    const { reward } = study.trial(number)!;
    const mean = finalists?.rows.find(({ trial }) => trial === number)?.mean ?? undefined;
    return { trial: number, reward: reward!, ...(mean !== undefined && { mean }) };
  };
  const best = bestTrials(study, known.length + 50); // repeats of a named cell among them
  const other = best.find(({ number, sameAs }) => names[number] === undefined && names[sameAs ?? -1] === undefined);
  return names.flatMap((name, trial) => {
    if (name === undefined || typeof study.trial(trial)?.reward !== 'number') return [];
    const won = best[0]?.number === trial;
    return [{ name, ...measured(trial), ...(other && { found: measured(other.number) }), won }];
  });
}

/** "NASNet-A is trial 0: 35.1% …", one sentence for each, then the best found cell and which of them was chosen. */
export function namedSentences(cells: readonly NamedFinding[]): string[] {
  const own = cells.map((cell) => `${cellTitle(cell.name)} is trial ${cell.trial}: ${reachedWords(cell)}.`);
  const [rival] = [...cells].sort((a, b) => Number(b.won) - Number(a.won) || reached(b) - reached(a));
  if (!rival?.found) return own;
  const { name, found, won, mean } = rival;
  const title = cellTitle(name);
  const raced = mean !== undefined && found.mean !== undefined;
  const ahead = raced ? found.mean! - mean : found.reward - rival.reward;
  const points = `${(100 * Math.abs(ahead)).toFixed(2)} points`;
  const side = ahead === 0 ? `level with ${title}` : `${points} ${ahead > 0 ? 'above' : 'below'} ${title}`;
  const why = raced ? 'since that may be chance' : 'since a child rewards what learns fast';
  const winner = won ? `${title} was chosen${ahead > 0 ? `, ${why}` : ''}` : 'The found cell was chosen';
  return [...own, `The best found cell is trial ${found.trial}: ${reachedWords(found)}, ${side}. ${winner}.`];
}

const reached = ({ reward, mean }: NamedFinding): number => mean ?? reward;

const reachedWords = ({ reward, mean }: { reward: number; mean?: number | undefined }): string =>
  `${percent(reward, 2)} as a child${mean === undefined ? '' : `, ${percent(mean, 2)} as a finalist`}`;

// The use of a search's budget, and the named cells compared with the cells of the search.

import { bestTrials, hasFinalNetwork } from '../selection/finalist-race.ts';
import { cellTitle } from '../space/named-cells.ts';
import { epochsWords, finalTraining } from '../study/final-training.ts';
import { nameOfCell } from '../study/named-decisions.ts';
import type { BudgetDecisions } from '../study/results.ts';
import type { SearchSettings } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import { targetOf } from '../study/target.ts';
import { duration, percent, whole } from '../words.ts';
import { type FinalistFindings, hasWinner } from './finalist-findings.ts';
import { rungRewards } from './rung-rewards.ts';

export interface BudgetFindings extends BudgetDecisions {
  /** Seconds of the clock. */
  seconds: number;
  /** The spent seconds so far. */
  spent: number;
  /** The epochs of the final network in words, once they are decided. */
  finalEpochs?: string;
}

/** How far a cell came in the search. */
interface MeasuredCell {
  trial: number;
  /** The reward of its child, with a ladder at the highest rung that it reached. */
  reward: number;
  /** The rewards at all rungs up to that one; absent without a ladder. */
  rewards?: number[];
  /** Its mean as a finalist. */
  mean?: number;
}

/** A named cell that was a known cell of the search, and the best of the others. */
export interface NamedFinding extends MeasuredCell {
  name: string;
  /** The best cell that has no name; absent before there is any. */
  found?: MeasuredCell;
  /** Whether the named cell is the best of all. */
  won: boolean;
  /** Whether the choice between all cells is made; before that the best one may change. */
  decided: boolean;
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
  const { known, space, blocks, ladder } = study.settings;
  const names = known.map((decisions) => nameOfCell(decisions, space, blocks));
  if (names.every((name) => name === undefined)) return [];
  const measured = (trial: number): MeasuredCell => {
    const rewards = rungRewards(study, trial);
    const mean = finalists?.rows.find((row) => row.trial === trial)?.mean ?? undefined;
    return { trial, reward: rewards.at(-1)!, ...(ladder && { rewards }), ...(mean !== undefined && { mean }) };
  };
  const decided = isDecided(study, finalists);
  const best = bestTrials(study, known.length + 50); // repeats of a named cell among them
  const other = best.find(({ number, sameAs }) => names[number] === undefined && names[sameAs ?? -1] === undefined);
  return names.flatMap((name, trial) => {
    if (name === undefined || typeof study.trial(trial)?.reward !== 'number') return [];
    const won = best[0]?.number === trial;
    return [{ name, ...measured(trial), ...(other && { found: measured(other.number) }), won, decided }];
  });
}

/** Whether the best cell is chosen: by a race, by the budget, by the training of its network, or by all trials. */
function isDecided(study: Study<SearchSettings>, finalists: FinalistFindings | undefined): boolean {
  const { done, failed } = study.summary().trials;
  const isEvaluated = study.settings.evaluator !== undefined && done + failed >= targetOf(study);
  const hasNoRace = study.result('budget decisions')?.finalists === 0;
  return hasWinner(finalists) || hasNoRace || isEvaluated || hasFinalNetwork(study);
}

/** "NASNet-A is trial 0: 35.1% …", one sentence for each, then the best found cell and which of them is the best. */
export function namedSentences(cells: readonly NamedFinding[]): string[] {
  const own = cells.map((cell) => `${cellTitle(cell.name)} is trial ${cell.trial}: ${reachedWords(cell)}.`);
  const isChosen = ({ decided, won }: NamedFinding) => Number(decided && won);
  const [rival] = [...cells].sort((a, b) => isChosen(b) - isChosen(a) || signOf(leadOf(b, a)));
  if (!rival?.found) return own;
  const title = cellTitle(rival.name);
  const lead = leadOf(rival.found, rival);
  const { ahead, rung } = lead;
  const points = `${(100 * Math.abs(ahead)).toFixed(2)} points`;
  const atRung = rung === undefined ? '' : ` at rung ${rung}`;
  const side =
    ahead === 0 ? `level with ${title}${atRung}` : `${points} ${ahead > 0 ? 'above' : 'below'} ${title}${atRung}`;
  const found = `The best found cell is trial ${rival.found.trial}: ${reachedWords(rival.found)}, ${side}.`;
  return [...own, [found, ...choiceWords(rival, lead)].join(' ')];
}

interface Lead {
  /** The difference of the means as finalists if both have one, otherwise of the rewards at the same rung. */
  ahead: number;
  raced: boolean;
  /** The highest rung that both reached, and how many more the first one reached; absent without a ladder. */
  rung?: number;
  higher?: number;
}

/** Compares a cell with another one. */
function leadOf(cell: MeasuredCell, other: MeasuredCell): Lead {
  if (cell.mean !== undefined && other.mean !== undefined) return { ahead: cell.mean - other.mean, raced: true };
  if (!cell.rewards || !other.rewards) return { ahead: cell.reward - other.reward, raced: false };
  const rung = Math.min(cell.rewards.length, other.rewards.length) - 1;
  const ahead = cell.rewards[rung]! - other.rewards[rung]!;
  return { ahead, raced: false, rung, higher: cell.rewards.length - other.rewards.length };
}

/** Returns a positive number if the first cell leads: a higher rung goes before rewards. */
const signOf = ({ ahead, higher }: Lead): number => higher || ahead;

/** Returns which of a named cell and the best found one was chosen, or is ahead so far; nothing if neither is. */
function choiceWords({ name, won, decided }: NamedFinding, lead: Lead): string[] {
  const nameOf = (isNamed: boolean) => (isNamed ? cellTitle(name) : 'The found cell');
  if (!decided) return signOf(lead) === 0 ? [] : [`${nameOf(signOf(lead) < 0)} is ahead so far.`];
  return [`${nameOf(won)} was chosen${reasonWords(won, lead)}.`];
}

/** Returns the reason for a choice that the figures are against. */
function reasonWords(won: boolean, { ahead, raced, higher = 0 }: Lead): string {
  if (won ? ahead <= 0 : ahead >= 0) return '';
  if (won ? higher < 0 : higher > 0) return ', since it reached a higher rung';
  if (!won) return '';
  return raced ? ', since that may be chance' : ', since a child rewards what learns fast';
}

const reachedWords = ({ reward, rewards, mean }: MeasuredCell): string => {
  const rung = rewards ? ` at rung ${rewards.length - 1}` : '';
  return `${percent(reward, 2)} as a child${rung}${mean === undefined ? '' : `, ${percent(mean, 2)} as a finalist`}`;
};

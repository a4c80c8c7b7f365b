// Collects the findings of a study for `show`, the report and the end of a search: plain values and sentences. Reads
// the study and plans its best cells.

import { armLabels, armNames } from '../search/arms-strategy.ts';
import { bestTrials } from '../selection/finalist-race.ts';
import type { Architecture } from '../space/architecture.ts';
import { defaultSpace, spaceLabel } from '../space/search-space.ts';
import { Candidate } from '../study/candidate.ts';
import { rewardSource } from '../study/external-evaluator.ts';
import { epochsWords, finalTraining } from '../study/final-training.ts';
import { testViewWarning } from '../study/older-studies.ts';
import type { ArmSummary, StudySummary } from '../study/records.ts';
import type { FinalLatency, FinalModel, Machine, PredictionRecord } from '../study/results.ts';
import { rungTrainings } from '../study/rung-trainings.ts';
import type { SearchSettings, Training } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import { targetOf } from '../study/target.ts';
import { duration, percent, whole } from '../words.ts';
import {
  type BudgetFindings,
  budgetFindings,
  budgetSentence,
  type NamedFinding,
  namedFindings,
  namedSentences,
} from './budget-findings.ts';
import { collapseWarning } from './controller-words.ts';
import {
  type FinalistFindings,
  type FinalistRow,
  finalistFindings,
  finalistSentences,
  hasWinner,
} from './finalist-findings.ts';
import { type LadderArm, ladderArms } from './ladder-arms.ts';
import { type LadderFindings, ladderFindings, ladderSentences, rungWords } from './ladder-findings.ts';
import { latencySentence, limitSentence, predictionSentence } from './limit-sentences.ts';
import { rungRewards } from './rung-rewards.ts';

/** One of the best cells, and its child network. */
export interface CellFinding {
  trial: number;
  /** Accuracy of the child on the held-out images, 0 to 1; with a ladder at the highest rung that it reached. */
  reward: number;
  /** The highest rung, and the rewards at all rungs up to it. Absent without a ladder. */
  climbed?: { rung: number; rewards: number[] };
  /** Parameters of the child that was trained for that reward. */
  trainableParameters: number;
  /** Its multiply-adds for one image. */
  multiplyAdds: number;
  architecture: Architecture;
  /** Its result in the race of finalists, if it was one. */
  finalist?: FinalistRow;
}

export interface Findings {
  study: string;
  /** Whether it was held against its checksums: older studies have none. */
  verified: boolean;
  /** Whether its log is missing, with the latest records. */
  mayLackChanges: boolean;
  settings: SearchSettings;
  summary: StudySummary;
  /** The target number of trials. */
  target: number;
  /** Best first: finalists of a finished race in its order, then by the highest rung reached and the reward there. */
  top: CellFinding[];
  /** The rungs of a ladder and their correlations; undefined without a ladder. */
  ladder: LadderFindings | undefined;
  /** The results of each arm at each rung; empty without a ladder or with one strategy. */
  ladderArms: LadderArm[];
  /** The race of finalists; undefined before it starts and without finalists. */
  finalists: FinalistFindings | undefined;
  /** A summary of each strategy if there are several; otherwise empty. */
  arms: (ArmSummary & { label: string })[];
  /** A warning about the controller. */
  warning: string | undefined;
  final: FinalModel | undefined;
  /** How the final network was trained, or is to be. */
  finalTraining: Training;
  /** The use of the budget; undefined without one. */
  budget: BudgetFindings | undefined;
  /** The named cells among the known ones, compared with the best cell of the search. */
  named: NamedFinding[];
  /** The latency of the final network, in a search with a limit on it. */
  latency: FinalLatency | undefined;
  /** The predicted cost of children and its error. */
  prediction: PredictionRecord | undefined;
  classes: readonly string[];
  machine: Machine | undefined;
}

/** Returns the findings of a study with its `count` best cells. */
export function findingsOf(study: Study<SearchSettings>, count = 5): Findings {
  const { settings } = study;
  const classes = study.result('dataset')?.classes ?? [];
  const finalists = finalistFindings(study);
  const trainings = rungTrainings(settings);
  return {
    study: study.path,
    verified: study.isVerified,
    mayLackChanges: study.mayLackChanges,
    settings,
    summary: study.summary(),
    target: targetOf(study),
    top: bestTrials(study, count).map(({ number, decisions }) => {
      const candidate = new Candidate(decisions, settings.space);
      const finalist = finalists?.rows.find(({ trial }) => trial === number);
      const rewards = rungRewards(study, number);
      const rung = rewards.length - 1;
      return {
        trial: number,
        reward: rewards[rung]!,
        ...(settings.ladder && { climbed: { rung, rewards } }),
        ...sizeOf(candidate, trainings[rung]!, classes.length || 10),
        architecture: candidate.architecture,
        ...(finalist && { finalist }),
      };
    }),
    ladder: ladderFindings(study),
    ladderArms: ladderArms(study),
    finalists,
    arms: armsOf(study),
    warning: collapseWarning(study.latestUpdate()?.figures ?? {}),
    final: study.result('final model'),
    finalTraining: finalTraining(study),
    budget: budgetFindings(study),
    named: namedFindings(study, finalists),
    latency: study.result('final latency'),
    prediction: study.result('prediction'),
    classes,
    machine: study.result('machine'),
  };
}

function armsOf(study: Study<SearchSettings>): Findings['arms'] {
  const names = armNames(study.settings.strategy);
  if (names.length < 2) return [];
  const labels = armLabels(names);
  return study.arms(names.length, study.settings.known.length).map((arm, index) => ({ label: labels[index]!, ...arm }));
}

function sizeOf(candidate: Candidate, training: Training, classes: number) {
  const { trainableParameters, multiplyAdds } = candidate.usedPlan(training, classes);
  return { trainableParameters, multiplyAdds };
}

/** Returns the findings as sentences: the search, its best cell, and the accuracy of the network built from it. */
export function sentences(findings: Findings): string[] {
  const { settings, summary, top, ladder, finalists, warning, final, finalTraining: built } = findings;
  const { budget, named, latency, prediction } = findings;
  const { done, failed } = summary.trials;
  const failures = failed === 0 ? 'none failed' : `${failed} failed`;
  const { space } = settings;
  const cells = space === defaultSpace ? 'cells' : `cells of space ${spaceLabel(space)}`;
  const lines = [
    ...(findings.mayLackChanges ? [lackWords] : []),
    `${strategyWords(settings.strategy)} tried ${whole(done + failed)} of ${whole(findings.target)} ${cells} ${rewardSource(settings)}, ${failures}, in ${duration(summary.searchSeconds)} of searching.`,
  ];
  if (budget) lines.push(budgetSentence(budget));
  const { repeats } = summary;
  if (repeats.trials > 0) {
    lines.push(
      `${whole(repeats.trials)} of them were graphs that had been trained before and kept their reward, which saved ${duration(repeats.savedSeconds)} of training.`,
    );
  }
  const outdated = testViewWarning(settings);
  if (outdated) lines.push(outdated);
  if (settings.limits) lines.push(limitSentence(settings.limits));
  if (warning) lines.push(warning);
  const [best] = top;
  if (best) {
    const which = hasWinner(finalists)
      ? `The cell of trial ${best.trial} was chosen`
      : `The best cell is that of trial ${best.trial}`;
    const rewarded = `${which}: its reward is ${percent(best.reward, 2)}; the mean of all is ${percent(summary.mean!, 2)}.`;
    lines.push(
      settings.evaluator
        ? rewarded
        : `${which}: its child network of ${whole(best.trainableParameters)} parameters classifies ${percent(best.reward)} of the held-out images right${meanWords(best, summary.mean!, ladder)}.`,
    );
  }
  if (ladder) lines.push(...ladderSentences(ladder));
  if (finalists) lines.push(...finalistSentences(finalists, settings.finalists!));
  lines.push(...namedSentences(named));
  if (final) {
    lines.push(finalSentence(final, built, best?.trial));
    if (latency && settings.limits?.latency) lines.push(latencySentence(latency, settings.limits));
  }
  const accuracyOfPrediction = prediction && predictionSentence(prediction);
  if (accuracyOfPrediction) lines.push(accuracyOfPrediction);
  return lines;
}

/**
 * Returns the sentence about the final network: its size, its training, its test accuracy and what that is to be
 * compared with. Its cell is named if another one is the best by now.
 */
function finalSentence(
  final: FinalModel,
  { cells, filters, resolution, recipe }: Training,
  best: number | undefined,
): string {
  const { trainableParameters, multiplyAdds, trainingSeconds, testAccuracy, testImages, largestClass } = final;
  const size = `N = ${cells}, F = ${filters}, ${resolution} × ${resolution} pixels`;
  const trained = `${epochsWords(recipe, final)} in ${duration(trainingSeconds)}`;
  const baseline =
    largestClass === undefined ? '' : `; to name the most frequent class each time gives ${percent(largestClass, 2)}`;
  const subject = final.trial === best ? 'it' : `the cell of trial ${final.trial}`;
  return `Built larger (${size}: ${whole(trainableParameters)} parameters, ${whole(multiplyAdds)} multiply-adds) and trained for ${trained}, ${subject} classifies ${percent(testAccuracy, 2)} of the ${whole(testImages)} test images right${baseline}.`;
}

/** Returns the mean of all children that were trained like the best one. */
function meanWords({ climbed }: CellFinding, mean: number, ladder: LadderFindings | undefined): string {
  if (!climbed || !ladder) return `; the mean of all children is ${percent(mean)}`;
  const { rung } = climbed;
  return ` at rung ${rung} (${rungWords(ladder.rungs[rung]!.training)}); the mean of all at that rung is ${percent(ladder.rungs[rung]!.mean!)}`;
}

export const lackWords =
  'The latest process that wrote this study did not close it, and its log (a file next to it, ending in -wal) is missing: the latest records may be missing here.';

function strategyWords(strategy: string): string {
  const names = armNames(strategy);
  if (names.length > 1) return `The strategies ${names.join(', ')}, taking turns,`;
  const words: Record<string, string> = {
    ppo: 'The controller, trained with PPO,',
    random: 'Random search',
    evolution: 'Regularized evolution',
    surrogate: 'Surrogate search',
  };
  return words[strategy] ?? `The strategy ${strategy}`;
}

/**
 * Returns every setting as a row of name and value, nested names with dots: ["child.recipe.epochs", "1"]. A list of
 * numbers, such as a known cell's decisions, is one row.
 */
export function settingRows(settings: object, prefix = ''): [string, string][] {
  return Object.entries(settings).flatMap(([name, value]): [string, string][] => {
    if (typeof value !== 'object' || value === null) return [[prefix + name, String(value)]];
    const isList = Array.isArray(value) && value.length > 0 && value.every((each) => typeof each !== 'object');
    return isList ? [[prefix + name, value.join(', ')]] : settingRows(value, `${prefix}${name}.`);
  });
}

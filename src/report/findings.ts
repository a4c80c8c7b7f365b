// What a study has found, gathered once for `show`, for the report and for the closing words of a search: plain values and
// sentences. It reads the study and plans its best cells; nothing is drawn here.

import { armLabels, armNames } from '../search/arms-strategy.ts';
import { bestTrials } from '../selection/finalist-race.ts';
import type { Architecture } from '../space/architecture.ts';
import { decode } from '../space/decisions.ts';
import { defaultSpace, spaceLabel } from '../space/search-space.ts';
import { rewardSource } from '../study/external-evaluator.ts';
import { testViewWarning } from '../study/older-studies.ts';
import type { ArmSummary, StudySummary } from '../study/records.ts';
import type { FinalLatency, FinalModel, Machine, PredictionRecord } from '../study/results.ts';
import { rungTrainings } from '../study/rung-trainings.ts';
import type { SearchSettings, Training } from '../study/settings.ts';
import type { Study } from '../study/study.ts';
import { targetOf } from '../study/target.ts';
import { usedPlan } from '../study/training-plan.ts';
import { duration, percent, whole } from '../words.ts';
import { collapseWarning } from './controller-words.ts';
import { type FinalistFindings, type FinalistRow, finalistFindings, finalistSentences } from './finalist-findings.ts';
import { type LadderArm, ladderArms } from './ladder-arms.ts';
import { type LadderFindings, ladderFindings, ladderSentences, rungWords } from './ladder-findings.ts';
import { latencySentence, limitSentence, predictionSentence } from './limit-sentences.ts';

/** One of the best cells, and the child network that was trained with it. */
export interface CellFinding {
  trial: number;
  /** Accuracy of the child on the held-out images, 0 to 1: in a study with a ladder at the highest rung that it reached. */
  reward: number;
  /** That rung, and the rewards at all rungs from 0 up to it. Absent without a ladder. */
  climbed?: { rung: number; rewards: number[] };
  /** Of the child that was trained for that reward. */
  trainableParameters: number;
  /** Of one image. */
  multiplyAdds: number;
  architecture: Architecture;
  /** What it reached in the race of finalists, if it was one. */
  finalist?: FinalistRow;
}

export interface Findings {
  study: string;
  settings: SearchSettings;
  summary: StudySummary;
  /** The target number of trials. */
  target: number;
  /** Best first: finalists of a finished race in its order, then by the highest rung reached and the reward there. */
  top: CellFinding[];
  /** The rungs of a ladder and what they tell of each other; undefined in studies without one. */
  ladder: LadderFindings | undefined;
  /** What each arm reached at each rung; empty without a ladder or with one strategy. */
  ladderArms: LadderArm[];
  /** The race of finalists; undefined before it begins and in studies without one. */
  finalists: FinalistFindings | undefined;
  /** In a study of several strategies, each one's share of it; else empty. */
  arms: (ArmSummary & { label: string })[];
  /** What the controller's figures warn of. */
  warning: string | undefined;
  final: FinalModel | undefined;
  /** How long that takes, in a search that was limited by it. */
  latency: FinalLatency | undefined;
  /** What children take, foretold and corrected. */
  prediction: PredictionRecord | undefined;
  classes: readonly string[];
  machine: Machine | undefined;
}

/** Reads a study. `count` is how many of the best cells are wanted. */
export function findingsOf(study: Study<SearchSettings>, count = 5): Findings {
  const { settings } = study;
  const classes = study.result('dataset')?.classes ?? [];
  const finalists = finalistFindings(study);
  const trainings = rungTrainings(settings);
  return {
    study: study.path,
    settings,
    summary: study.summary(),
    target: targetOf(study),
    top: bestTrials(study, count).map(({ number, reward, decisions }) => {
      const architecture = decode(decisions, settings.space);
      const finalist = finalists?.rows.find(({ trial }) => trial === number);
      const rewards = [reward!, ...study.rungs.of(number).flatMap((rung) => rung.reward ?? [])];
      const rung = rewards.length - 1;
      return {
        trial: number,
        reward: rewards[rung]!,
        ...(settings.ladder && { climbed: { rung, rewards } }),
        ...sizeOf(architecture, trainings[rung]!, classes.length || 10),
        architecture,
        ...(finalist && { finalist }),
      };
    }),
    ladder: ladderFindings(study),
    ladderArms: ladderArms(study),
    finalists,
    arms: armsOf(study),
    warning: collapseWarning(study.latestUpdate()?.figures ?? {}),
    final: study.result('final model'),
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

function sizeOf(architecture: Architecture, training: Training, classes: number) {
  const { trainableParameters, multiplyAdds } = usedPlan(architecture, training, classes);
  return { trainableParameters, multiplyAdds };
}

/** The findings in plain words: what was searched, what was found, what the network built from it reaches. */
export function sentences(findings: Findings): string[] {
  const { settings, summary, top, ladder, finalists, warning, final, latency, prediction } = findings;
  const { done, failed } = summary.trials;
  const failures = failed === 0 ? 'none failed' : `${failed} failed`;
  const { space } = settings;
  const cells = space === defaultSpace ? 'cells' : `cells of space ${spaceLabel(space)}`;
  const said = [
    `${strategyWords(settings.strategy)} tried ${whole(done + failed)} of ${whole(findings.target)} ${cells} ${rewardSource(settings)}, ${failures}, in ${duration(summary.searchSeconds)} of searching.`,
  ];
  const { repeats } = summary;
  if (repeats.trials > 0) {
    said.push(
      `${whole(repeats.trials)} of them were graphs that had been trained before and kept their reward, which saved ${duration(repeats.savedSeconds)} of training.`,
    );
  }
  const outdated = testViewWarning(settings);
  if (outdated) said.push(outdated);
  if (settings.limits) said.push(limitSentence(settings.limits));
  if (warning) said.push(warning);
  const [best] = top;
  if (best) {
    const which = finalists?.end
      ? `The cell of trial ${best.trial} was chosen`
      : `The best cell is that of trial ${best.trial}`;
    const rewarded = `${which}: its reward is ${percent(best.reward, 2)}; the mean of all is ${percent(summary.mean!, 2)}.`;
    said.push(
      settings.evaluator
        ? rewarded
        : `${which}: its child network of ${whole(best.trainableParameters)} parameters classifies ${percent(best.reward)} of the held-out images right${meanWords(best, summary.mean!, ladder)}.`,
    );
  }
  if (ladder) said.push(...ladderSentences(ladder));
  if (finalists) said.push(...finalistSentences(finalists, settings.finalists!));
  if (final) {
    said.push(finalSentence(final, settings.final));
    if (latency && settings.limits?.latency) said.push(latencySentence(latency, settings.limits));
  }
  const foretold = prediction && predictionSentence(prediction);
  if (foretold) said.push(foretold);
  return said;
}

function finalSentence(final: FinalModel, { cells, filters, resolution, recipe }: Training): string {
  const { trainableParameters, multiplyAdds, trainingSeconds, testAccuracy, testImages, largestClass } = final;
  const size = `N = ${cells}, F = ${filters}, ${resolution} × ${resolution} pixels`;
  const trained = `${recipe.epochs} ${recipe.epochs === 1 ? 'epoch' : 'epochs'} in ${duration(trainingSeconds)}`;
  const baseline =
    largestClass === undefined ? '' : `; to name the most frequent class each time gives ${percent(largestClass, 2)}`;
  return `Built larger (${size}: ${whole(trainableParameters)} parameters, ${whole(multiplyAdds)} multiply-adds) and trained for ${trained}, it classifies ${percent(testAccuracy, 2)} of the ${whole(testImages)} test images right${baseline}.`;
}

/** What the best child is to be compared with: the mean of those that were trained as it was. */
function meanWords({ climbed }: CellFinding, mean: number, ladder: LadderFindings | undefined): string {
  if (!climbed || !ladder) return `; the mean of all children is ${percent(mean)}`;
  const { rung } = climbed;
  return ` at rung ${rung} (${rungWords(ladder.rungs[rung]!.training)}); the mean of all at that rung is ${percent(ladder.rungs[rung]!.mean!)}`;
}

function strategyWords(strategy: string): string {
  const names = armNames(strategy);
  if (names.length > 1) return `The strategies ${names.join(', ')}, taking turns,`;
  const words: Record<string, string> = {
    ppo: 'The controller, trained with PPO,',
    random: 'Random search',
    evolution: 'Regularized evolution',
  };
  return words[strategy] ?? `The strategy ${strategy}`;
}

/** Every setting as a row of name and value, nested ones with dots: ["child.recipe.epochs", "1"]. */
export function settingRows(settings: object, prefix = ''): [string, string][] {
  return Object.entries(settings).flatMap(([name, value]): [string, string][] =>
    typeof value === 'object' && value !== null
      ? settingRows(value, `${prefix}${name}.`)
      : [[prefix + name, String(value)]],
  );
}

// Prints the settings and the estimate of a search before it starts.

import { budgetRule } from '../../forecast/budget.ts';
import type { Range, SearchEstimate, Span } from '../../forecast/estimate.ts';
import type { ImageCounts } from '../../forecast/prediction.ts';
import type { Forecast } from '../../forecast/search-forecast.ts';
import type { TrainingInstead } from '../../forecast/training-instead.ts';
import { cellTitle } from '../../space/named-cells.ts';
import { fewestForInterval, meanInterval } from '../../statistics/mean-interval.ts';
import { heldOut } from '../../study/presets.ts';
import type { SearchSettings } from '../../study/settings.ts';
import { bytesWords, percent, percentWithin, roughly, whole } from '../../words.ts';
import { alignColumns } from '../terminal/columns.ts';
import { statedRows } from './setting-flags.ts';
import { joined, spanOf } from './training-words.ts';
import { commandOf } from './what-next.ts';

/** Returns the settings of a search as rows of text, and remarks on few images and on a budget that is too long. */
export function statement(settings: SearchSettings, counts: ImageCounts): string[] {
  const rows = alignColumns(statedRows(settings, counts), 'l');
  return [...rows, ...fewImagesWords(settings, counts), ...unusedWords(settings)];
}

/** Says why to train a cell in place of this search, and by which command. */
export function insteadLines(instead: TrainingInstead | undefined): string[] {
  if (!instead) return [];
  const { cell, minutes } = instead;
  const title = cellTitle(cell);
  return [reasonWords(instead, title), `  ${commandOf('train', cell, '--minutes', `${minutes}`)}`];
}

function reasonWords(instead: TrainingInstead, title: string): string {
  if (instead.reason === 'no-race')
    return `This search plans no race of finalists, so that it trains the cell ${title} whatever its children say, with less time than the training alone would give it:`;
  const { until, measured } = instead;
  const { minutes, layers, accuracies } = measured;
  const { search, alone, resnet } = accuracies;
  const [own, other, residual] = [search, alone, resnet].map(accuracyWords);
  return `In less than about ${roughly(until)} on this machine a search has no advantage over training the cell ${title} all the time. Measured, ${minutes} min of two threads with AVX-512: ${own} of CIFAR-10's test images against ${other}; a residual network of ${layers} layers had ${residual} (docs/experiments/budget.md). ${title} alone:`;
}

/** "87.9% (one run)", "88.1% and 87.8%", "88.1 ± 0.3%": of each seed, from three on their mean with its 95% interval */
function accuracyWords(seeds: readonly number[]): string {
  if (seeds.length === 1) return `${percent(seeds[0]!)} (one run)`;
  if (seeds.length < fewestForInterval) return seeds.map((accuracy) => percent(accuracy)).join(' and ');
  const { mean, halfWidth } = meanInterval(seeds);
  return percentWithin(mean, halfWidth!);
}

/** Held-out images from which on no remark is made: a reward's standard error is at most 2.2 points. */
const enoughHeldOut = 500;

/** Says how little a few held-out images can tell. */
function fewImagesWords(settings: SearchSettings, { images }: ImageCounts): string[] {
  const count = heldOut(settings, images);
  if (count >= enoughHeldOut) return [];
  const points = Math.round(100 * Math.sqrt(0.25 / count));
  return [
    `A reward on ${whole(count)} held-out images has a standard error of up to ${points} points: cells that differ by less cannot be told apart.`,
  ];
}

/** Says that a budget is longer than its search can use. @param settings with the planned final network */
function unusedWords({ budget, final }: SearchSettings): string[] {
  const { most } = budgetRule.epochs;
  if (!budget || final.recipe.epochs < most) return [];
  return [
    `The budget is longer than this search can use: its final network has ${whole(most)} epochs, the most of any budget.`,
  ];
}

/**
 * "80 children of about 2 to 6 s on 2 workers: about 3 min; memory up to 0.6 GB a worker", then finalists and the final
 * network.
 */
export function estimateLines(estimate: SearchEstimate): string[] {
  const { workers, children, ladder, finalists, final, seconds, memory } = estimate;
  const { count, each } = children;
  const on = workers === 1 ? 'on one worker' : `on ${workers} workers`;
  const lines = [
    `${whole(count)} ${count === 1 ? 'child' : 'children'} of about ${rangeWords(each)} ${on}: about ${roughly(children.seconds)}; memory up to ${bytesWords(memory)} a worker`,
  ];
  if (ladder)
    lines.push(`about ${whole(ladder.trainings)} trainings on higher rungs: about ${roughly(ladder.seconds)}`);
  if (finalists) {
    const { trainings } = finalists;
    const noun = finalists.count === 1 ? 'finalist' : 'finalists';
    lines.push(
      `${whole(finalists.count)} ${noun}, ${spanOf(trainings, whole)} trainings of about ${rangeWords(finalists.each)}: about ${spanWords(finalists.seconds)}`,
    );
  }
  lines.push(`the final network: about ${roughly(final.seconds)}; all of it about ${spanWords(seconds)}`);
  return lines;
}

/** Returns the forecast and advice as lines; none if no child is left. */
export function forecastLines({ left, warning, estimate }: Forecast, settings: SearchSettings): string[] {
  if (left === 0) return [];
  return [warning, ...estimateLines(estimate), adviceFor(estimate, settings)].filter((line) => line !== undefined);
}

const week = 7 * 86_400;

/** Returns advice for a search of more than a week; undefined for a shorter one. */
export function adviceFor({ seconds, final }: SearchEstimate, settings: SearchSettings): string | undefined {
  if (seconds.least <= week) return undefined;
  const { preset, budget, child, finalists } = settings;
  const ways = budget
    ? ['fewer --minutes shorten it']
    : [
        `--trials and --epochs (now ${child.recipe.epochs}) shrink it`,
        'more workers divide it',
        ...(finalists ? ['--finalists 0 omits the retraining'] : []),
        ...(preset === 'laptop' || preset === 'smoke' ? [] : ['--preset laptop takes minutes']),
      ];
  const last =
    !budget && final.seconds > week
      ? ` The final network alone takes about ${roughly(final.seconds)}: stopped before it, "nasnet train STUDY#TRIAL:N@P --epochs n" builds a cell in less time.`
      : '';
  return `That is more than a week: ${ways.join(', ')}.${last} It starts anyway, and can be stopped and resumed at any time.`;
}

const rangeWords = ({ low, high }: Range): string => joined(roughly(low), roughly(high));

const spanWords = ({ least, most }: Span): string => joined(roughly(least), roughly(most));

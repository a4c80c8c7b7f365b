// What a search will be and will take, in words: the statement of its settings and the estimate, before it starts.

import type { Range, SearchEstimate, Span } from '../../forecast/estimate.ts';
import type { ImageCounts } from '../../forecast/prediction.ts';
import { limitWords } from '../../report/limit-sentences.ts';
import { spaceLabel } from '../../space/search-space.ts';
import { heldOut } from '../../study/presets.ts';
import type { SearchSettings, Training } from '../../study/settings.ts';
import { bytesWords, roughly, whole } from '../../words.ts';
import { alignColumns } from '../terminal/columns.ts';

/** The whole search as rows of what and how much. */
export function statement(settings: SearchSettings, counts: ImageCounts): string[] {
  const { trials, strategy, strategyOptions, blocks, space, child, ladder, finalists, final, limits } = settings;
  const validationImages = heldOut(settings, counts.images);
  const train = (training: Training) => trainingWords(training, counts.images - validationImages);
  const batchSize = 'batchSize' in strategyOptions && strategyOptions.batchSize;
  const update = typeof batchSize === 'number' ? `, ${whole(batchSize)} an update` : '';
  const rows: [string, string][] = [
    ['search', `preset ${settings.preset}: ${whole(trials)} children by ${strategy}${update}, seed ${settings.seed}`],
    ['cells', `space ${spaceLabel(space)}, ${blocks} blocks`],
    [
      'images',
      `${settings.dataset}: ${whole(counts.images - validationImages)} to train on, ${whole(validationImages)} held out for the reward${settings.size === undefined ? '' : `, stored at ${settings.size} × ${settings.size} pixels`}`,
    ],
    ['child', train(child)],
    ...(ladder?.rungs ?? []).map((rung, index): [string, string] => [
      `rung ${index + 1}`,
      `one in ${ladder!.reduction ** (index + 1)}: ${train(rung)}`,
    ]),
    ...(finalists
      ? [
          [
            'finalists',
            `the best ${whole(finalists.count)}, ${spanOf(finalists.seeds, whole)} times each: ${train(finalists.training)}`,
          ] as [string, string],
        ]
      : []),
    ['final', train(final)],
    ...(limits ? limitWords(limits).map((words): [string, string] => ['limit', words]) : []),
  ];
  return alignColumns(rows, 'l');
}

/** "N = 2, F = 32, 32 × 32 pixels, 20 epochs of 45,000 images, batch 64, learning rate 0.05" */
function trainingWords({ cells, filters, resolution, trainingImages, recipe }: Training, available: number): string {
  const { epochs, batchSize, learningRate } = recipe;
  const images = whole(trainingImages ?? available);
  return `N = ${cells}, F = ${filters}, ${resolution} × ${resolution} pixels, ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'} of ${images} images, batch ${batchSize}, learning rate ${learningRate}`;
}

/** "80 children of about 2 to 6 s on 2 workers: about 3 min; memory up to 0.6 GB a worker", then finalists and the final network. */
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
    lines.push(
      `${whole(finalists.count)} finalists, ${spanOf(trainings, whole)} trainings of about ${rangeWords(finalists.each)}: about ${spanWords(finalists.seconds)}`,
    );
  }
  lines.push(`the final network: about ${roughly(final.seconds)}; all of it about ${spanWords(seconds)}`);
  return lines;
}

const week = 7 * 86_400;

/** What to do about a search of more than a week; undefined for a shorter one. */
export function adviceFor({ seconds, final }: SearchEstimate, settings: SearchSettings): string | undefined {
  if (seconds.least <= week) return undefined;
  const { preset, child, finalists } = settings;
  const ways = [
    `--trials and --epochs (now ${child.recipe.epochs}) shrink it`,
    'more workers divide it',
    ...(finalists ? ['--finalists 0 leaves out the retraining'] : []),
    ...(preset === 'laptop' || preset === 'smoke' ? [] : ['--preset laptop takes minutes']),
  ];
  const last =
    final.seconds > week
      ? ` The final network alone takes about ${roughly(final.seconds)}: stopped before it, "nasnet train STUDY#TRIAL:N@P --epochs n" builds a cell in less.`
      : '';
  return `That is more than a week: ${ways.join(', ')}.${last} It starts all the same, and can be stopped and continued at any time.`;
}

const rangeWords = ({ low, high }: Range): string => joined(roughly(low), roughly(high));

const spanWords = ({ least, most }: Span): string => joined(roughly(least), roughly(most));

const spanOf = ({ least, most }: Span, words: (value: number) => string): string => joined(words(least), words(most));

/** "2 to 6 s", "50 s to 2 min"; one of two that read alike. */
function joined(low: string, high: string): string {
  if (low === high) return high;
  const [one, unit] = low.split(' ');
  return high.endsWith(` ${unit}`) ? `${one} to ${high}` : `${low} to ${high}`;
}

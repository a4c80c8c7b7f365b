// Renders the report as one self-contained HTML page: text, charts and pictures inline, no scripts, no network access.
// It lays out the findings of findings.ts and computes no figures.

import { figure, htmlDocument, htmlText, section, table } from '../html-parts.ts';
import { shellPath } from '../shell-path.ts';
import { rewardSource } from '../study/external-evaluator.ts';
import type { FinalModel } from '../study/results.ts';
import type { SearchSettings } from '../study/settings.ts';
import { duration, epochWord, percent, whole } from '../words.ts';
import { type RewardPoint, rewardChart, rewardHistogram } from './chart.ts';
import { classParts, epochFindings, learningCurves } from './classifier-parts.ts';
import { type FinalistFindings, finalistTable } from './finalist-findings.ts';
import { type CellFinding, type Findings, sentences, settingRows } from './findings.ts';
import { type LadderArm, ladderArmTable } from './ladder-arms.ts';
import { type LadderFindings, ladderTable, meterTable } from './ladder-findings.ts';

export interface Page extends Findings {
  /** The pictures of the best cells, in their order. */
  pictures: string[];
  /** Every child with a reward. */
  rewards: RewardPoint[];
  /** The file of the final network, if it is where the report is written, or next to the study. */
  weights: string | undefined;
  /** Failed children by kind, with the message of one of them. */
  failures: { kind: string; count: number; example: string }[];
}

/** Returns the HTML text of the report. */
export function renderPage(page: Page): string {
  const { final, settings, machine } = page;
  const title = `nasnet: a search ${rewardSource(settings)}`;
  const sections = [
    section('The search', searchSection(page)),
    page.ladder && section('The ladder', ladderSection(page.ladder, page.ladderArms)),
    page.finalists && section('The finalists', finalistSection(page.finalists)),
    section(
      'The best cells',
      page.top.map((cell, place) => cellArticle(cell, place, page)).join('\n') || noRewardWords(page),
    ),
    final && section(`The network built from ${cellOf(final, page)}`, finalSection(final, page)),
    section('How it was made', `${table(settingRows(relevant(settings)))}\n<p>To see more: ${commands(page)}</p>`),
    machine && section('The machine', table(settingRows(machine))),
  ];
  const body = `<main>
<h1>${htmlText(title)}</h1>
${sentences(page)
  .map((sentence) => `<p class="lead">${htmlText(sentence)}</p>`)
  .join('\n')}
${sections.filter(Boolean).join('\n')}
</main>`;
  return htmlDocument(title, { style, body });
}

/** Removes the settings that have no effect in a search with an external evaluator. */
function relevant(settings: SearchSettings): object {
  if (!settings.evaluator) return settings;
  const { child, final, dataset, validationImages, ...others } = settings;
  return others;
}

function searchSection({ rewards, failures, settings }: Page): string {
  const failed = failures.map(({ kind, count, example }) => [kind, `${whole(count)} children`, example]);
  return [
    ...(rewards.length === 0 ? [noRewardWords({ failures })] : rewardFigures(rewards, settings)),
    failed.length === 0 ? '' : `<h3>Failed children</h3>${table(failed)}`,
  ].join('\n');
}

const noRewardWords = ({ failures }: Pick<Page, 'failures'>): string =>
  `<p>${failures.length > 0 ? 'No child has a reward.' : 'No child has finished yet.'}</p>`;

function rewardFigures(rewards: RewardPoint[], settings: SearchSettings): string[] {
  const label = settings.evaluator ? 'reward' : 'validation accuracy';
  const { svg, together } = rewardChart(rewards, label);
  return [
    figure(svg, rewardCaption(together, settings)),
    figure(
      rewardHistogram(rewards, label),
      `The distribution of the ${whole(rewards.length)} ${settings.evaluator ? 'trials' : 'children'}.`,
    ),
  ];
}

/** `together`: how many children in a row the blue line takes for one, where there are too many to draw each. */
function rewardCaption(together: number | undefined, { evaluator, ladder }: SearchSettings): string {
  const [what, all] = evaluator
    ? ['a trial and its reward', 'trials']
    : ['a child network and its accuracy on the held-out images', 'children'];
  const where = ladder ? ' at rung 0, which is measured alike for all' : '';
  return together === undefined
    ? `Each dot is ${what}${where}. Orange: the best so far. Blue: the mean of the latest 20.`
    : `Too many for a dot each: the darker a square, the more ${all} lie there${where}; all are counted. Orange: the best so far. Blue: the mean of each ${whole(together)} in a row.`;
}

function ladderSection(ladder: LadderFindings, arms: readonly LadderArm[]): string {
  const about =
    'Each rung is a separate training with a complete schedule of its learning rate. Rewards of different rungs are not comparable. ' +
    'τ measures how well a rung predicts the order of cells at the next: 1 is the same order, 0 no relation. The cells that were trained at both rungs are the best of the lower one.';
  const aboutArms =
    'Every arm has its own ladder. A training that two arms asked for counts for both, and an arm counts one training of each graph.';
  const armRungs =
    arms.length === 0
      ? ''
      : `<h3>The rungs of each arm</h3>${table(ladderArmTable(arms))}<p>${htmlText(aboutArms)}</p>`;
  return `${table(ladderTable(ladder))}${armRungs}<h3>Correlation between rungs</h3>${table(meterTable(ladder))}<p>${htmlText(about)}</p>`;
}

function finalistSection(finalists: FinalistFindings): string {
  const about =
    'Finalists are trained again, in runs with the same seeds for all. Mean: the mean accuracy of the runs on the held-out images, with the 95% interval for other seeds. ' +
    'Group: no finalist of a group can be told apart from the best of it (run against run, at 95% confidence).';
  const note = finalists.end ? '' : '<p>The race is not over yet.</p>';
  return `${note}${table(finalistTable(finalists))}<p>${htmlText(about)}</p>`;
}

function cellArticle(cell: CellFinding, place: number, { settings, pictures }: Page): string {
  const { evaluator, child } = settings;
  const size = `${whole(cell.trainableParameters)} parameters, ${whole(cell.multiplyAdds)} multiply-adds`;
  const { climbed } = cell;
  const rung = climbed ? ` at rung ${climbed.rung}` : '';
  const below = climbed?.rewards.slice(0, -1).map((reward, lower) => `${percent(reward, 2)} at rung ${lower}`) ?? [];
  const before = below.length > 0 ? ` Before: ${below.join(', ')}.` : '';
  return `<article><h3>${place + 1}. Trial ${cell.trial}: ${percent(cell.reward, 2)}${rung}</h3><p>${evaluator ? `With N = ${child.cells}, F = ${child.filters}` : 'As a child'}: ${size}.${before}</p>${figure(pictures[place]!)}</article>`;
}

const cellOf = ({ trial }: FinalModel, { top }: Page) =>
  trial === top[0]?.trial ? 'the best cell' : `the cell of trial ${trial}`;

function finalSection(final: FinalModel, { classes, finalTraining }: Page): string {
  const { cells, filters, resolution } = finalTraining;
  const rows = [
    ['cells of', `trial ${final.trial}`],
    ['network', `N = ${cells}, F = ${filters}, ${resolution} × ${resolution} pixels`],
    ['trainable parameters', whole(final.trainableParameters)],
    ['multiply-adds', whole(final.multiplyAdds)],
    ['test accuracy', `${percent(final.testAccuracy, 2)} of ${whole(final.testImages)} images`],
    ...(final.largestClass === undefined
      ? []
      : [['most frequent class', `${percent(final.largestClass, 2)} of them`] as [string, string]]),
    ...(final.balancedAccuracy === undefined
      ? []
      : [['balanced accuracy', `${percent(final.balancedAccuracy, 2)}, the mean of the classes`] as [string, string]]),
    ['test loss', final.testLoss.toFixed(4)],
    ['validation accuracy', percent(final.validationAccuracy, 2)],
    ...(final.best === undefined
      ? []
      : [
          ['best epoch', `${epochWord(final.best.epoch)}, validation accuracy ${percent(final.best.accuracy, 2)}`] as [
            string,
            string,
          ],
        ]),
    ['training', `${duration(final.trainingSeconds)}, ${whole(final.trainingImagesPerSecond)} images/s`],
    ['weights', final.weights],
  ];
  return [
    table(rows),
    ...learningCurves(epochFindings(final.epochs)),
    ...classParts({ ...final, classes }, 'the test images'),
  ].join('\n');
}

function commands({ study, weights, settings }: Page): string {
  const images = settings.dataset === 'cifar10' ? '' : ` ${shellPath(settings.dataset)}`;
  return [
    `nasnet show ${shellPath(study)}`,
    `nasnet report ${shellPath(study)} -o DIR`,
    ...(weights === undefined ? [] : [`nasnet evaluate ${shellPath(weights)}${images} --page network.html`]),
  ]
    .map((text) => `<code>${htmlText(text)}</code>`)
    .join(', ');
}

const style = `
:root { color-scheme: light; --ink: #1e293b; --quiet: #64748b; --line: #e2e8f0; }
body { margin: 0; background: #f8fafc; color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; margin: 0 0 1rem; } h2 { font-size: 1.2rem; margin: 0 0 .75rem; } h3 { font-size: 1rem; margin: 1rem 0 .25rem; }
.lead { font-size: 1.08rem; margin: .4rem 0; }
section { background: #fff; border: 1px solid var(--line); border-radius: .6rem; padding: 1.25rem; margin-top: 1.25rem; overflow-x: auto; }
figure { margin: .5rem 0 1rem; } figcaption { color: var(--quiet); font-size: .9rem; }
figure svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; font-size: .95rem; } td, th { text-align: left; vertical-align: top; padding: .25rem 1.25rem .25rem 0; border-bottom: 1px solid var(--line); }
td:first-child { color: var(--quiet); white-space: nowrap; }
code { background: #f1f5f9; padding: .1rem .35rem; border-radius: .25rem; }
`;

// The page of one classifier after a training or an evaluation: one self-contained HTML file, no scripts, no network
// access. It follows the reader's light or dark scheme, can be read with the keyboard alone, and prints.

import { headedTable, htmlText, table } from '../html-parts.ts';
import { epochWord, percent, whole } from '../words.ts';
import {
  type ClassFindings,
  classParts,
  type EpochFinding,
  learningCurves,
  type WrongFinding,
  worstTable,
} from './classifier-parts.ts';
import { type PagePart, partsPage } from './parts-page.ts';

export interface ClassifierPage {
  title: string;
  /** The result in sentences. */
  sentences: readonly string[];
  /** Facts about the network, its training or its evaluation. */
  facts: readonly (readonly [name: string, value: string])[];
  /** The epochs of its training, if they are known. */
  epochs?: readonly EpochFinding[];
  /** Several trainings with different seeds. */
  seeds?: SeedFindings;
  evaluation: EvaluationFindings;
}

export interface EvaluationFindings extends ClassFindings {
  /** The images in words: `the test images of cifar10`. */
  data: string;
  accuracy: number;
  balancedAccuracy: number;
  topFiveAccuracy: number;
  /** In nats. */
  loss: number;
  images: number;
  worst: readonly WrongFinding[];
}

export interface SeedFindings {
  /** One row a training, in the order of the seeds. */
  rows: readonly SeedRow[];
  /** The seed that is handed over. */
  best: number;
  /** Mean and 95% interval in words. */
  spread: readonly string[];
}

export interface SeedRow {
  seed: number;
  epoch: number;
  validationAccuracy: number;
  testAccuracy: number;
  balancedTestAccuracy: number;
  weights: string;
}

/** Returns the HTML text of the page. */
export function renderClassifierPage(page: ClassifierPage): string {
  const { title, sentences, facts, epochs = [], seeds, evaluation } = page;
  const curves = learningCurves(epochs);
  const parts: PagePart[] = [
    { id: 'result', title: 'Result', body: table(resultRows(evaluation)) },
    ...(seeds ? [{ id: 'seeds', title: 'Seeds', body: seedBody(seeds) }] : []),
    ...(curves.length > 0 ? [{ id: 'curves', title: 'Learning curves', body: curves.join('\n') }] : []),
    { id: 'classes', title: 'Classes', body: classParts(evaluation, evaluation.data).join('\n') },
    { id: 'images', title: 'Images', body: worstTable(evaluation.classes, evaluation.worst) },
    { id: 'facts', title: 'How it was made', body: table(facts) },
  ];
  return partsPage({ title, sentences, parts });
}

function resultRows({ accuracy, balancedAccuracy, topFiveAccuracy, loss, images, classes, data }: EvaluationFindings) {
  return [
    ['images', `${whole(images)}, ${data}`],
    ['accuracy', percent(accuracy, 2)],
    ['balanced accuracy', `${percent(balancedAccuracy, 2)}, the mean of the classes`],
    ...(classes.length > 5 ? [['in the top five', percent(topFiveAccuracy, 2)]] : []),
    ['loss', loss.toFixed(4)],
  ];
}

function seedBody({ rows, best, spread }: SeedFindings): string {
  const cells = rows.map((row) => [
    `${row.seed}${row.seed === best ? ' (best)' : ''}`,
    epochWord(row.epoch),
    percent(row.validationAccuracy, 2),
    percent(row.testAccuracy, 2),
    percent(row.balancedTestAccuracy, 2),
    row.weights,
  ]);
  const head = ['seed', 'epoch', 'held-out accuracy', 'test accuracy', 'balanced', 'weights'];
  const caption = 'The best seed is chosen by the held-out images.';
  return `${spread.map((line) => `<p>${htmlText(line)}</p>`).join('\n')}\n${headedTable(head, cells, caption)}`;
}

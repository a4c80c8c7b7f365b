// What pages show of one trained classifier: its curves, its classes, what it takes for what. Used by the page of a
// training or an evaluation and by the report of a search.

import { figure, headedTable } from '../html-parts.ts';
import { type ConfusionFinding, matrixOf } from '../statistics/confusion-matrix.ts';
import type { EpochReport } from '../study/outcome.ts';
import { epochDetails } from '../study/result-schemas.ts';
import { epochWord, percent, whole } from '../words.ts';
import { classChart, confusionChart, type LearningPoint, learningChart } from './chart.ts';

/** An epoch of a training. Accuracies 0 to 1, losses in nats. */
export interface EpochFinding {
  epoch: number;
  loss?: number | undefined;
  trainingAccuracy?: number | undefined;
  accuracy?: number | undefined;
  validationLoss?: number | undefined;
  /** Side of the held-out images in pixels, if they were smaller than the network's. */
  validationSide?: number | undefined;
  learningRate?: number | undefined;
}

/** The classes of an evaluation, and what was taken for what. */
export interface ClassFindings {
  classes: readonly string[];
  /** NaN or null for a class without images. */
  classAccuracies: readonly (number | null)[];
  /** Absent in what older versions stored. */
  classImages?: readonly number[] | undefined;
  confusions?: readonly ConfusionFinding[] | undefined;
}

/** A wrong answer about one image. */
export interface WrongFinding {
  name: string;
  label: number;
  answer: number;
  probability: number;
  labelProbability: number;
}

const mostClassesInChart = 40;
const mostClassesInMatrix = 40;
const pairsShown = 15;

/** Returns the epochs of a training for its curves. */
export const epochFindings = (epochs: readonly EpochReport[]): EpochFinding[] =>
  epochs.map(({ epoch, loss, accuracy, details }) => ({ epoch, loss, accuracy, ...epochDetails(details) }));

/** Curves of accuracy, loss and learning rate; nothing for a training of one epoch. */
export function learningCurves(epochs: readonly EpochFinding[]): string[] {
  if (epochs.length < 2) return [];
  const series = (name: string, figureOf: (epoch: EpochFinding) => number | undefined): LearningPoint[] =>
    epochs.flatMap((each) => {
      const value = figureOf(each);
      return value === undefined ? [] : [{ epoch: each.epoch, value, series: name }];
    });
  const accuracies = [
    ...series('training', ({ trainingAccuracy }) => trainingAccuracy),
    ...series('validation', ({ accuracy }) => accuracy),
  ];
  const losses = [
    ...series('training', ({ loss }) => loss),
    ...series('validation', ({ validationLoss }) => validationLoss),
  ];
  const rates = series('rate', ({ learningRate }) => learningRate);
  return [
    figure(
      learningChart(accuracies, 'accuracy', true),
      ['Accuracy during training.', ...smallImages(epochs)].join(' '),
    ),
    ...(losses.length > 0 ? [figure(learningChart(losses, 'loss', false), 'Loss during training, without L2.')] : []),
    ...(rates.length > 0
      ? [figure(learningChart(rates, 'learning rate', false), 'Learning rate at the end of each epoch.')]
      : []),
  ];
}

/** Says until when images were smaller than in the end. */
function smallImages(epochs: readonly EpochFinding[]): string[] {
  const last = epochs.findLast(({ validationSide }) => validationSide !== undefined);
  if (!last) return [];
  const side = last.validationSide;
  return [
    `Up to epoch ${epochWord(last.epoch)} images are smaller, those held out too: there ${side} × ${side} pixels.`,
  ];
}

/** The accuracy of each class, the confusion matrix, and the pairs that are confused most. */
export function classParts(
  { classes, classAccuracies, classImages, confusions }: ClassFindings,
  data: string,
): string[] {
  const rows = classes.flatMap((name, place) => {
    const accuracy = classAccuracies[place];
    const images = classImages?.[place];
    return accuracy == null || Number.isNaN(accuracy) ? [] : [{ name, accuracy, images }];
  });
  const sorted = rows.toSorted((one, other) => one.accuracy - other.accuracy);
  const chart = rows.length <= mostClassesInChart;
  const matrix = classImages && confusions && matrixOf(classes, classImages, confusions);
  return [
    chart ? figure(classChart(rows), `Accuracy per class on ${data}.`) : '',
    chart
      ? ''
      : headedTable(
          ['class', 'accuracy', 'images'],
          sorted.map(({ name, accuracy, images }) => [
            name,
            percent(accuracy),
            images === undefined ? '' : whole(images),
          ]),
          'Classes, the hardest first.',
        ),
    matrix && classes.length <= mostClassesInMatrix
      ? figure(
          confusionChart(matrix),
          'Confusion matrix: a row is a class, a column an answer; the numbers are images.',
        )
      : '',
    confusions && confusions.length > 0 ? pairTable(classes, classImages ?? [], confusions) : '',
  ].filter((part) => part !== '');
}

function pairTable(
  classes: readonly string[],
  classImages: readonly number[],
  confusions: readonly ConfusionFinding[],
) {
  const rows = confusions
    .slice(0, pairsShown)
    .map(({ label, answer, images }) => [
      classes[label]!,
      classes[answer]!,
      whole(images),
      percent(images / (classImages[label] ?? Number.NaN)),
    ]);
  const more = confusions.length > pairsShown ? ` of ${whole(confusions.length)}` : '';
  const caption = `What is confused most: ${whole(rows.length)}${more} pairs.`;
  return headedTable(['class', 'taken for', 'images', 'of the class'], rows, caption);
}

/** The wrong answers that the network was surest of. */
export function worstTable(classes: readonly string[], worst: readonly WrongFinding[]): string {
  if (worst.length === 0) return '<p>No answer was wrong.</p>';
  const rows = worst.map(({ name, label, answer, probability, labelProbability }) => [
    name,
    classes[label]!,
    `${percent(labelProbability)}`,
    classes[answer]!,
    percent(probability),
  ]);
  const caption = 'The images whose class the network held for least probable.';
  return headedTable(
    ['image', 'class', 'probability of the class', 'answer', 'probability of the answer'],
    rows,
    caption,
  );
}

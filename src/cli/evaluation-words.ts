// Formats the result of an evaluation: as text, and as a JSON document.

import { ClassNames } from '../data/class-names.ts';
import { skippedSentence } from '../data/image-folder.ts';
import type { ChecksumState, ModelDescription } from '../model/model-file.ts';
import type { ClassifierPage } from '../report/classifier-page.ts';
import { epochFindings } from '../report/classifier-parts.ts';
import type { Evaluation } from '../train/long-evaluation.ts';
import { visible } from '../visible.ts';
import { percent, whole } from '../words.ts';
import { evaluationFindings, namedMistakes } from './training/class-findings.ts';
import { epochsOf } from './training/training-files.ts';

interface Result {
  model: string;
  checksum: ChecksumState;
  /** Source of the images: a folder, or the dataset's name. */
  images: string;
  classes: string[];
  measured: Evaluation;
  /** The name of an evaluated image. */
  nameOf: (place: number) => string;
}

/**
 * Returns the document. `images` is their number; classAccuracies are in the order of `classes`, null without images.
 */
export function evaluationDocument({ model, checksum, images, classes, measured, nameOf }: Result) {
  return { model, checksum, data: images, ...measured, classes, ...namedMistakes(measured, classes, nameOf) };
}

/** Returns the page of an evaluation, with the curves of the network's training if they are next to it. */
export function evaluationPage({
  model,
  description,
  images,
  measured,
  nameOf,
}: Pick<Result, 'model' | 'images' | 'measured' | 'nameOf'> & { description: ModelDescription }): ClassifierPage {
  const { network, classes, origin } = description;
  const { accuracy, balancedAccuracy, unreadable } = measured;
  const epochs = epochsOf(model);
  return {
    title: `nasnet: ${model} on ${images}`,
    sentences: [
      `It classifies ${percent(accuracy, 2)} of ${whole(measured.images)} images right; the mean of the classes is ${percent(balancedAccuracy, 2)}.`,
      ...(unreadable.length > 0 ? [skippedSentence(unreadable)] : []),
    ],
    facts: [
      ['model', model],
      ['origin', origin],
      ['network', `N = ${network.cells}, F = ${network.filters}, ${network.input.join(' × ')} pixels`],
      ['preprocessing', JSON.stringify(description.preprocessing)],
    ],
    ...(epochs && { epochs: epochFindings(epochs) }),
    evaluation: evaluationFindings(measured, classes, { data: images, nameOf }),
  };
}

const everyClass = 20;
const extremes = 5;

export function evaluationWords(classes: string[], measured: Evaluation): string {
  const { accuracy, topFiveAccuracy, loss, images, imagesPerSecond } = measured;
  const inFive = classes.length > 5 ? `, ${percent(topFiveAccuracy, 2)} in the top five` : '';
  const speed = imagesPerSecond < 10 ? imagesPerSecond.toFixed(2) : whole(imagesPerSecond);
  return [
    `${percent(accuracy, 2)} of ${whole(images)} test images right${inFive}, balanced ${percent(measured.balancedAccuracy, 2)}, loss ${loss.toFixed(4)}, ${speed} images/s`,
    ...classRows(classes, measured),
    ...unreadableWords(measured),
    ...doubt(classes, measured),
    '',
  ].join('\n');
}

function classRows(classes: string[], { classAccuracies }: Evaluation): string[] {
  const seen = new ClassNames(classes)
    .titles()
    .map((name, place) => ({ name: visible(name), accuracy: classAccuracies[place]! }))
    .filter(({ accuracy }) => !Number.isNaN(accuracy));
  const width = Math.max(20, ...seen.map(({ name }) => name.length));
  const row = ({ name, accuracy }: (typeof seen)[number]) => `  ${name.padEnd(width)} ${percent(accuracy)}`;
  if (seen.length <= everyClass) return seen.map(row);
  const sorted = seen.toSorted((one, other) => other.accuracy - one.accuracy);
  return ['best', ...sorted.slice(0, extremes).map(row), 'worst', ...sorted.slice(-extremes).map(row)];
}

function unreadableWords({ unreadable, images, accuracy }: Evaluation): string[] {
  if (unreadable.length === 0) return [];
  const asWrong = (accuracy * images) / (images + unreadable.length);
  return [`${visible(skippedSentence(unreadable))}; they are not counted (as wrong answers: ${percent(asWrong, 2)})`];
}

/** Returns a warning if the accuracy is no better than chance, which is mostly due to labels in another order. */
function doubt(classes: string[], { accuracy, images }: Evaluation): string[] {
  const byChance = classes.length >= 100 && images >= 10 * classes.length ** 0.5 && accuracy < 3 / classes.length;
  return byChance ? ['This is no better than chance: are the labels in the order of --label-order?'] : [];
}

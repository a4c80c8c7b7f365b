// An evaluation with the names of its classes and images, for pages and documents.

import { ClassNames } from '../../data/class-names.ts';
import type { EvaluationFindings } from '../../report/classifier-page.ts';
import type { Accuracy } from '../../train/evaluation.ts';

/** Returns the findings for a page. `data` is the images in words, `nameOf` the name of an evaluated image. */
export function evaluationFindings(
  accuracy: Omit<Accuracy, 'imagesPerSecond'>,
  classes: string[],
  { data, nameOf }: { data: string; nameOf: (place: number) => string },
): EvaluationFindings {
  const worst = accuracy.worst.map(({ place, ...answer }) => ({ name: nameOf(place), ...answer }));
  return { ...accuracy, data, classes: new ClassNames(classes).titles(), worst };
}

/** Returns what is taken for what, and the worst images, by name, for a document. */
export function namedMistakes(
  { confusions, worst }: Pick<Accuracy, 'confusions' | 'worst'>,
  classes: readonly string[],
  nameOf: (place: number) => string,
) {
  return {
    confusions: confusions.map(({ label, answer, images }) => ({
      class: classes[label]!,
      answer: classes[answer]!,
      images,
    })),
    worst: worst.map(({ place, label, answer, probability, labelProbability }) => ({
      image: nameOf(place),
      class: classes[label]!,
      classProbability: labelProbability,
      answer: classes[answer]!,
      answerProbability: probability,
    })),
  };
}

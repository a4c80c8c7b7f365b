// What `nasnet train` says in the end: words, one JSON document, and the page.

import type { ClassifierPage, SeedFindings } from '../../report/classifier-page.ts';
import { epochFindings } from '../../report/classifier-parts.ts';
import { meanInterval } from '../../statistics/mean-interval.ts';
import type { EpochReport } from '../../study/outcome.ts';
import { epochDetails } from '../../study/result-schemas.ts';
import type { Training } from '../../study/settings.ts';
import { comparedAccuracy } from '../../train/best-epoch.ts';
import { duration, epochWord, percent, whole } from '../../words.ts';
import { evaluationFindings, namedMistakes } from './class-findings.ts';
import type { EndedRun, trainingFiles } from './training-files.ts';

export interface TrainingResult {
  model: string;
  dataset: string;
  classes: string[];
  training: Training;
  /** In the order of the seeds. */
  runs: readonly EndedRun[];
  files: ReturnType<typeof trainingFiles>;
  /** The name of a test image. */
  nameOf: (place: number) => string;
}

/** Returns the run with the highest held-out accuracy; of equal ones the first. */
export function bestRun(runs: readonly EndedRun[], { recipe }: Pick<Training, 'recipe'>): EndedRun {
  const compared = ({ reward, details: { best, last, handedOver } }: EndedRun) => {
    const epoch = handedOver === 'best' ? best : last;
    return epoch ? comparedAccuracy(recipe, epoch) : reward;
  };
  return runs.reduce((best, run) => (compared(run) > compared(best) ? run : best));
}

/** Accuracies over the seeds, 0 to 1. */
const spreads = (runs: readonly EndedRun[]) => ({
  validationAccuracy: meanInterval(runs.map(({ reward }) => reward)),
  testAccuracy: meanInterval(runs.map(({ details }) => details.test.accuracy)),
  balancedTestAccuracy: meanInterval(runs.map(({ details }) => details.test.balancedAccuracy)),
});

const spreadNames = {
  validationAccuracy: 'held-out accuracy',
  testAccuracy: 'test accuracy',
  balancedTestAccuracy: 'balanced test accuracy',
} as const;

function spreadLines(runs: readonly EndedRun[]): string[] {
  return Object.entries(spreads(runs)).map(([name, { mean, deviation, halfWidth }]) => {
    const interval = halfWidth === undefined ? '' : ` ± ${(100 * halfWidth).toFixed(2)} points (95% interval)`;
    const title = spreadNames[name as keyof typeof spreadNames];
    return `${title} of ${runs.length} seeds: ${percent(mean, 2)}${interval}, standard deviation ${(100 * deviation).toFixed(2)}`;
  });
}

/** Returns the share of the time of a training in which it waited for streamed pictures; undefined of prepared ones. */
export function waitingShareOf(epochs: readonly EpochReport[]): number | undefined {
  let [waited, total] = [0, 0];
  for (const { imagesPerSecond, details } of epochs) {
    const { waitingShare } = epochDetails(details);
    if (waitingShare === undefined || !imagesPerSecond) continue;
    waited += waitingShare / imagesPerSecond; // epochs have equally many images
    total += 1 / imagesPerSecond;
  }
  return total === 0 ? undefined : waited / total;
}

export function summaryWords({ runs, training, files }: TrainingResult): string {
  const chosen = bestRun(runs, training);
  const { details, reward } = chosen;
  const { test, best, last, handedOver } = details;
  const other = handedOver === 'best' ? last : best;
  const otherFile = runs.length > 1 ? undefined : handedOver === 'best' ? files.last : files.best;
  return [
    `${whole(details.trainableParameters)} parameters, ${whole(details.multiplyAdds)} multiply-adds`,
    ...(runs.length > 1 ? [...spreadLines(runs), `best seed by the held-out images: ${chosen.seed}`] : []),
    `validation accuracy ${percent(reward, 2)}${handedOver === 'best' ? `, of the best epoch ${epochWord(best!.epoch)}` : ''}`,
    `test accuracy ${percent(test.accuracy, 2)} of ${whole(test.images)} images, balanced ${percent(test.balancedAccuracy, 2)}, loss ${test.loss.toFixed(4)}`,
    ...waitingWords(chosen.epochs).map((words) => `${words} of the training's time was waiting for pictures`),
    `weights in ${files.weights}`,
    ...(other && otherFile
      ? [
          `${handedOver === 'best' ? 'last' : 'best'} epoch ${epochWord(other.epoch)}, validation accuracy ${percent(other.accuracy, 2)}, in ${otherFile}`,
        ]
      : []),
    `curves and classes in ${files.page}, all figures in ${files.record}`,
    '',
  ].join('\n');
}

const waitingWords = (epochs: readonly EpochReport[]): string[] => {
  const share = waitingShareOf(epochs);
  return share === undefined ? [] : [percent(share)];
};

/** Returns the document that --json prints and the record file holds. */
export function summaryDocument({ model, dataset, classes, training, runs, files, nameOf }: TrainingResult) {
  const chosen = bestRun(runs, training);
  const { test, ...details } = chosen.details;
  const otherWeights = details.handedOver === 'best' ? { lastWeights: files.last } : { bestWeights: files.best };
  return {
    model,
    weights: files.weights,
    ...(runs.length === 1 && details.handedOver && otherWeights),
    page: files.page,
    dataset,
    ...(chosen.precision && { precision: chosen.precision }),
    validationAccuracy: chosen.reward,
    ...details,
    test: { ...test, classes, ...namedMistakes(test, classes, nameOf) },
    ...(runs.length > 1 && { seeds: seedsDocument(runs, chosen) }),
    recipe: training.recipe,
    epochs: chosen.epochs,
  };
}

function seedsDocument(runs: readonly EndedRun[], chosen: EndedRun) {
  return {
    best: chosen.seed,
    ...spreads(runs),
    runs: runs.map(({ seed, weights, reward, details }) => ({
      seed,
      weights,
      validationAccuracy: reward,
      testAccuracy: details.test.accuracy,
      balancedTestAccuracy: details.test.balancedAccuracy,
      testLoss: details.test.loss,
      trainingSeconds: details.trainingSeconds,
    })),
  };
}

export function trainingPage({
  model,
  dataset,
  classes,
  training,
  runs,
  files,
  nameOf,
}: TrainingResult): ClassifierPage {
  const chosen = bestRun(runs, training);
  const { details, epochs, reward } = chosen;
  const { best, last, handedOver, test } = details;
  const { cells, filters, resolution, recipe } = training;
  const sentences = [
    `It classifies ${percent(test.accuracy, 2)} of ${whole(test.images)} test images right, and ${percent(reward, 2)} of the images held out of the training.`,
    ...(best && last
      ? [
          `The best epoch by the held-out images is ${epochWord(best.epoch)} (${percent(best.accuracy, 2)}), the last one ${epochWord(last.epoch)} (${percent(last.accuracy, 2)}); ${files.weights} has the ${handedOver}.`,
        ]
      : []),
  ];
  return {
    title: `nasnet: ${model} trained on ${dataset}`,
    sentences,
    facts: [
      ['network', `${model}: N = ${cells}, F = ${filters}, ${resolution} × ${resolution} pixels`],
      ['trainable parameters', whole(details.trainableParameters)],
      ['multiply-adds', whole(details.multiplyAdds)],
      ['training', duration(details.trainingSeconds)],
      ...waitingWords(epochs).map((words): [string, string] => ['waiting for pictures', words]),
      ['weights', files.weights],
      ...Object.entries(recipe).map(([name, value]): [string, string] => [name, JSON.stringify(value)]),
    ],
    epochs: epochFindings(epochs),
    ...(runs.length > 1 && { seeds: seedFindings(runs, chosen) }),
    evaluation: evaluationFindings(test, classes, { data: `the test images of ${dataset}`, nameOf }),
  };
}

function seedFindings(runs: readonly EndedRun[], chosen: EndedRun): SeedFindings {
  return {
    best: chosen.seed,
    spread: spreadLines(runs),
    rows: runs.map(({ seed, weights, reward, epochs, details }) => ({
      seed,
      epoch: (details.handedOver === 'best' ? details.best?.epoch : undefined) ?? epochs.at(-1)?.epoch ?? 0,
      validationAccuracy: reward,
      testAccuracy: details.test.accuracy,
      balancedTestAccuracy: details.test.balancedAccuracy,
      weights,
    })),
  };
}

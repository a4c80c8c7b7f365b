// Trains random cells as small children in worker processes, for benchmarks of rewards.

import type { TrainingJob, TrainingResources, TrainingSetup } from '../src/children/training-job.ts';
import { augmentations } from '../src/data/augmentations.ts';
import { type DatasetFiles, referenceTo } from '../src/data/dataset-files.ts';
import type { Computing } from '../src/engine/device.ts';
import { childTrainings, type TrainingOf } from '../src/forecast/equal-cost.ts';
import type { ImageCounts } from '../src/forecast/prediction.ts';
import { createStrategy } from '../src/search/strategy.ts';
import type { Architecture } from '../src/space/architecture.ts';
import { decode } from '../src/space/decisions.ts';
import { meanInterval } from '../src/statistics/mean-interval.ts';
import { mean } from '../src/statistics/order.ts';
import { Candidate } from '../src/study/candidate.ts';
import { encodeUnderRule } from '../src/study/named-decisions.ts';
import { settingsOf } from '../src/study/presets.ts';
import type { Training } from '../src/study/settings.ts';
import { type Recipe, recipes, smallRecipe } from '../src/train/recipe.ts';
import { WorkerPool } from '../src/workers/pool.ts';

/** The suffixes after an @: an augmentation, held-out images as nasnet 0.1.0 showed them, the recipe `fast`. */
const variants: Record<string, Partial<Recipe>> = {
  ...augmentations,
  'as-stored': { matchTestView: false },
  fast: { ...recipes.fast, translate: 0 },
};

/** Marks a proxy whose children have as many epochs as their cost allows, as those of a search with a budget. */
const equalCost = '@equal-cost';

/** Returns the training that a proxy means for each architecture. */
export function trainingsOf(proxy: string, { images, classes }: ImageCounts): (cell: Architecture) => Training {
  const training = trainingOf(proxy.replace(equalCost, ''));
  if (!proxy.includes(equalCost)) return () => training;
  const settings = settingsOf('laptop', { dataset: 'cifar10', seed: 1, budget: 480 });
  const [of] = childTrainings({ ...settings, child: training }, { images, classes }) as [TrainingOf];
  return (cell) => of(new Candidate(encodeUnderRule(cell, settings.space), settings.space));
}

/** Parses N:F:PIXELS:IMAGES:EPOCHS:BATCH:RATE and variants of the recipe such as @translate. */
export function trainingOf(proxy: string): Training {
  const [numbers, ...names] = proxy.split('@') as [string, ...string[]];
  const unknown = names.find((name) => !(name in variants));
  if (unknown !== undefined)
    throw new Error(`expected one of ${Object.keys(variants).join(', ')} after an @, got ${unknown}`);
  const changes = Object.assign({}, ...names.map((name) => variants[name]));
  const [n, filters, resolution, trainingImages, epochs, batchSize, learningRate] = numbers.split(':').map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const recipe = { ...smallRecipe, ...changes, epochs, batchSize, learningRate };
  return { cells: n, filters, resolution, trainingImages, recipe };
}

export function randomCells(count: number, seed: string): Architecture[] {
  const strategy = createStrategy('random', { blocks: 5, seed: Number(seed) });
  return Array.from({ length: count }, (_, trial) => decode(strategy.ask(trial)));
}

export interface Measuring {
  files: DatasetFiles;
  training: (architecture: Architecture) => Training;
  validationImages: number;
  workers: number;
  /** Seed of trainings, to which the cell and the run are added. */
  seed: string;
  runs: readonly number[];
  /** Number of the first cell in the seeds, 0 by default. */
  from?: number;
  computing?: Computing;
}

/** Trains the architectures. Returns rewards by cell and run, and the mean seconds per child. */
export async function measure(architectures: readonly Architecture[], options: Measuring) {
  const { files, training, validationImages, workers, runs, from = 0, computing } = options;
  const trainings = architectures.map(training);
  const setup: TrainingSetup = { dataset: referenceTo(files), training: trainings[0]!, validationImages, splitSeed: 1 };
  const resources: TrainingResources = { datasets: [files], threads: 1, ...(computing && { computing }) };
  await using pool = new WorkerPool({
    workers,
    evaluator: new URL('../src/children/training-job.ts', import.meta.url),
    setup,
    resources,
  });
  const seconds: number[] = [];
  const rewards = await Promise.all(
    architectures.map((architecture, cell) =>
      Promise.all(
        runs.map(async (run) => {
          const job: TrainingJob = {
            architecture,
            training: trainings[cell]!,
            seed: `${options.seed}, cell ${from + cell}, run ${run}`,
          };
          const outcome = await pool.run(job);
          if ('failure' in outcome) throw new Error(outcome.failure.message);
          seconds.push(outcome.seconds);
          return (outcome.result as { reward: number }).reward;
        }),
      ),
    ),
  );
  return { rewards, seconds: mean(seconds) };
}

export const variance = (some: readonly number[]) => {
  const middle = mean(some);
  return some.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (some.length - 1);
};

/** Returns a share in percent: "75.12". */
export const hundredths = (share: number) => (100 * share).toFixed(2);

/** Returns the mean of shares and half of its 95% interval, in percent: "75.12 ± 0.40". */
export function meanWords(shares: readonly number[]): string {
  const { mean, halfWidth } = meanInterval(shares);
  return hundredths(mean) + (halfWidth === undefined ? '' : ` ± ${hundredths(halfWidth)}`);
}

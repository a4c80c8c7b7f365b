// The networks that the benches compare, nasnet's cells and a ResNet, and their training by nasnet's loop.

import { Child } from '../src/children/child-network.ts';
import { EvaluationBatches } from '../src/data/batches.ts';
import { testViewOf } from '../src/data/test-view.ts';
import { type TrainingImages, trainingBatches } from '../src/data/training-images.ts';
import { type Computing, cpu, onCpu } from '../src/engine/device.ts';
import type { Architecture } from '../src/space/architecture.ts';
import type { Training } from '../src/study/settings.ts';
import type { Checkpoints, InTraining } from '../src/train/checkpoint.ts';
import { evaluateNetwork } from '../src/train/evaluation.ts';
import { createOptimizer } from '../src/train/optimizer.ts';
import { type Recipe, recipes, stepsPerEpoch } from '../src/train/recipe.ts';
import { type EpochFigures, trainNetwork } from '../src/train/training.ts';
import { ResNet } from './resnet.ts';

/** @param training of a ResNet: `cells` blocks a stage, the first of `filters` channels; on the CPU in float32 only */
export function openTrainee(
  kind: Architecture | 'resnet',
  training: Training,
  { classes, seed, computing }: { classes: number; seed: number; computing: Computing },
): InTraining & Disposable {
  if (kind !== 'resnet') return new Child(kind, training, { classes, seed, computing });
  const { device = cpu, precision = 'float32' } = computing;
  if (device !== cpu || precision !== 'float32') throw new Error('expected float32 on the CPU for a ResNet');
  const { cells: blocks, filters, resolution: side, recipe } = training;
  const network = ResNet.build({ blocks, filters, side, classes }, seed);
  const optimizer = createOptimizer(network, recipe);
  return {
    network,
    optimizer,
    [Symbol.dispose]() {
      optimizer.dispose();
      network.dispose();
    },
  };
}

export interface Trained {
  last: EpochFigures;
  /** Returns the accuracy on the test images. */
  test(): number;
}

/**
 * Trains a network and validates it after its last epoch.
 * @param checkpoints of this training, which goes on from them
 */
export async function trainTrainee(
  { network, optimizer }: InTraining,
  images: TrainingImages,
  recipe: Recipe,
  seed: number,
  checkpoints?: Checkpoints,
): Promise<Trained> {
  const { dataset, parts, whitening } = images;
  const view = testViewOf(recipe, whitening);
  const batchSize = 64;
  const measure = (from: EvaluationBatches) => evaluateNetwork(network, from, dataset.classes.length);
  const heldOut = new EvaluationBatches({ from: dataset.train, indices: parts.validation, view, batchSize });
  const options = { seed, optimizer, validate: () => measure(heldOut), ...(checkpoints && { checkpoints }) };
  const last = await trainNetwork(network, trainingBatches(images, recipe, seed), recipe, options);
  return { last, test: () => measure(new EvaluationBatches({ from: dataset.test, view, batchSize })).accuracy };
}

/** Returns the processor-seconds of this process so far, of all threads. */
export function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Seconds of a step: of whole images, and of those of half the side. */
export interface StepSeconds {
  full: number;
  small: number;
}

/** Returns the mean seconds of a step of the recipe, whose images have half the side at first or never. */
export function meanStep({ full, small }: StepSeconds, { growth = [] }: Recipe = recipes.fast): number {
  const share = growth[0]?.until ?? 0;
  return share * small + (1 - share) * full;
}

/**
 * Measures a step of a recipe by trainings of a few steps. The first two steps allocate, so that a longer and
 * a shorter training are compared.
 * @param clock returns seconds
 * @param probed number of steps
 */
export async function stepSeconds(
  kind: Architecture | 'resnet',
  size: Training,
  images: TrainingImages,
  { clock, probed }: { clock: () => number; probed: number },
): Promise<StepSeconds> {
  const steps = stepsPerEpoch(images.parts.train.length, size.recipe.batchSize);
  const run = async (count: number, small: boolean) => {
    const { growth: _, ...steady } = size.recipe;
    const growth = [{ scale: 0.5, until: 1 }];
    const recipe: Recipe = { ...steady, ...(small && { growth }), epochs: count / steps };
    const classes = images.dataset.classes.length;
    using trainee = openTrainee(kind, { ...size, recipe }, { classes, seed: 1, computing: onCpu });
    const { network, optimizer } = trainee;
    const started = clock();
    await trainNetwork(network, trainingBatches(images, recipe, 1), recipe, { seed: 1, optimizer });
    return clock() - started;
  };
  const each = async (small: boolean) =>
    Math.max(1e-4, ((await run(2 + probed, small)) - (await run(2, small))) / probed);
  return { full: await each(false), small: await each(true) };
}

/**
 * Returns a recipe with the values of fields such as `translate=0.125` and `flip=alternate`. A stated translation holds
 * for any number of epochs.
 */
export function withFields(recipe: Recipe, fields: readonly string[]): Recipe {
  const changes = Object.fromEntries(fields.map(fieldOf));
  return { ...recipe, ...('translate' in changes && { translateFrom: 0 }), ...changes };
}

function fieldOf(text: string): [string, unknown] {
  const [name, value] = text.split('=') as [string, string];
  try {
    return [name, JSON.parse(value)];
  } catch {
    return [name, value];
  }
}

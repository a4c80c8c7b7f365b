// A ResNet with a whole budget, in nasnet's engine and in PyTorch, for bench/budget.ts: its size and epochs, its
// training and its accuracy.

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FolderArtifacts } from '../src/artifacts.ts';
import { padding } from '../src/data/augmentation.ts';
import { augmentationOf } from '../src/data/augmentations.ts';
import { prepareCifar10 } from '../src/data/cifar10.ts';
import { openTrainingImages, type TrainingImages } from '../src/data/training-images.ts';
import { indexTensor } from '../src/engine/create.ts';
import { cpu, onCpu } from '../src/engine/device.ts';
import { setThreads } from '../src/engine/machine.ts';
import { scope } from '../src/engine/memory.ts';
import { Checkpoints } from '../src/train/checkpoint.ts';
import { type Recipe, recipes, stepsPerEpoch } from '../src/train/recipe.ts';
import { meanStep, openTrainee, type StepSeconds, stepSeconds, trainTrainee } from './trainee.ts';

/** Shares of right answers after the last epoch. */
export interface Accuracies {
  test: number;
  validation: number;
}

/** A network's size and the length of its training. */
export interface Plan {
  /** Normal cells between two reductions, N, or blocks in each stage of a ResNet. */
  cells: number;
  filters: number;
  resolution: number;
  epochs: number;
}

interface Size extends Omit<Plan, 'epochs'> {
  /** From so many epochs on it is assumed to be worth more than the next smaller one. */
  fewestEpochs: number;
}

const sizes: readonly Size[] = [
  { cells: 1, filters: 16, resolution: 16, fewestEpochs: 0.5 },
  { cells: 1, filters: 16, resolution: 32, fewestEpochs: 2.5 },
  { cells: 1, filters: 32, resolution: 32, fewestEpochs: 5 },
  { cells: 2, filters: 32, resolution: 32, fewestEpochs: 15 },
  { cells: 2, filters: 48, resolution: 32, fewestEpochs: 18 },
  { cells: 2, filters: 64, resolution: 32, fewestEpochs: 20 },
  { cells: 3, filters: 64, resolution: 32, fewestEpochs: 25 },
];

/**
 * Share of the budget that is kept for a machine that becomes slower, and seconds for the looks at held-out and test
 * images.
 */
const [reserve, looks] = [0.03, 5];
const probed = 60; // steps
const {
  batchSize,
  optimizer: { matrixRate, iterations },
} = recipes.fast;

/**
 * The largest size that has its fewest epochs in the seconds that are left, and its epochs in steps of a twentieth.
 * Sizes are measured from the smallest on, until one is too large.
 */
async function chosen(
  left: number,
  stepSeconds: (size: Size) => StepSeconds | Promise<StepSeconds>,
  perEpoch: number,
): Promise<Plan> {
  const epochsOf = (measured: StepSeconds) => (left - looks) / (perEpoch * meanStep(measured));
  let best: { size: Size; measured: StepSeconds } | undefined;
  for (const size of sizes) {
    const measured = await stepSeconds(size);
    if (best && epochsOf(measured) < size.fewestEpochs) break;
    best = { size, measured };
  }
  const { cells, filters, resolution } = best!.size;
  return { cells, filters, resolution, epochs: Math.max(1, Math.floor(20 * epochsOf(best!.measured))) / 20 };
}

/** The size and the epochs of a ResNet in our engine, by the recipe `fast`. @param heldOut images not trained on */
export async function planResNet(minutes: number, heldOut: number): Promise<Plan> {
  setThreads(availableParallelism());
  const images = new Map<number, TrainingImages>();
  for (const resolution of new Set(sizes.map((size) => size.resolution)))
    images.set(resolution, await opened(resolution, heldOut));
  const perEpoch = stepsPerEpoch(images.get(32)!.parts.train.length, batchSize);
  const clock = () => performance.now() / 1000;
  const measured = (size: Size) =>
    stepSeconds('resnet', { ...size, recipe: recipes.fast }, images.get(size.resolution)!, { clock, probed });
  return chosen(60 * minutes * (1 - reserve), measured, perEpoch);
}

/** Trains, or goes on from the checkpoint in the folder. */
export async function trainResNet(plan: Plan, seed: number, heldOut: number, folder: string): Promise<Accuracies> {
  setThreads(availableParallelism());
  const recipe: Recipe = { ...recipes.fast, epochs: plan.epochs };
  const images = await opened(plan.resolution, heldOut);
  const identity = JSON.stringify({ plan, seed, heldOut });
  const checkpoints = new Checkpoints(new FolderArtifacts({ resnet: folder }), 'resnet/checkpoint', { identity });
  const classes = images.dataset.classes.length;
  using trainee = openTrainee('resnet', { ...plan, recipe }, { classes, seed, computing: onCpu });
  const { last, test } = await trainTrainee(trainee, images, recipe, seed, checkpoints);
  return { test: test(), validation: last.validation!.accuracy };
}

const opened = async (resolution: number, validation: number) =>
  openTrainingImages(await prepareCifar10(), { resolution, device: cpu, seed: 1, validation });

/** The same in PyTorch; Debian's, or of the interpreter in PYTHON. @param folder of the images that PyTorch reads */
export async function planInPyTorch(minutes: number, heldOut: number, folder: string): Promise<Plan> {
  const jobs = new Map<number, object>();
  for (const resolution of new Set(sizes.map((size) => size.resolution)))
    jobs.set(resolution, await written(resolution, heldOut, folder));
  const probe = (size: Size) =>
    python({ ...jobs.get(size.resolution), ...jobOf(size, 1), epochs: 1, probe: probed }) as StepSeconds;
  const train = (await prepareCifar10()).train.count - heldOut;
  return chosen(60 * minutes * (1 - reserve), probe, Math.floor(train / batchSize));
}

/** Trains, or goes on from the checkpoint in the folder. */
export async function trainInPyTorch(plan: Plan, seed: number, heldOut: number, folder: string): Promise<Accuracies> {
  const { resolution, epochs } = plan;
  const border = padding(augmentationOf({ ...recipes.fast, epochs }), resolution);
  const job = { ...(await written(resolution, heldOut, folder)), ...jobOf(plan, seed), epochs, border };
  const ended = python({ ...job, checkpoint: join(folder, 'checkpoint.pt') }) as { test: number; held_out: number };
  return { test: ended.test, validation: ended.held_out };
}

const jobOf = ({ cells: blocks, filters }: Omit<Plan, 'epochs'>, seed: number) => ({
  ...{ blocks, filters, seed, batch: batchSize, rate: recipes.fast.learningRate, threads: availableParallelism() },
  muon: { rate: matrixRate, iterations },
});

/** Writes the images that PyTorch reads, and returns their description for its job. */
async function written(resolution: number, heldOut: number, folder: string) {
  const { dataset, parts, whitening } = await opened(resolution, heldOut);
  const images = join(folder, `images-${resolution}`);
  mkdirSync(images, { recursive: true });
  const write = (name: string, from: typeof dataset.train, indices?: Int32Array) => {
    const [pixels, labels] = scope(() => {
      const some = (tensor: typeof from.images) => (indices ? tensor.indexSelect(0, indexTensor(indices)) : tensor);
      return [some(from.images).toArray() as Uint8Array, some(from.labels).toArray()];
    });
    writeFileSync(join(images, `${name}.bin`), Buffer.concat([pixels, Uint8Array.from(labels, Number)]));
    return labels.length;
  };
  const { mean, deviation } = whitening;
  return {
    ...{ images, classes: dataset.classes.length, side: resolution, mean, deviation },
    train: write('train', dataset.train, parts.train),
    held_out: write('held_out', dataset.train, parts.validation),
    test: write('test', dataset.test),
  };
}

const script = fileURLToPath(new URL('peers/resnet_recipe.py', import.meta.url));

/**
 * PyTorch keeps its buffers: without that the C library returns them to the system after every step, which is slower.
 */
const keptBuffers = { MALLOC_MMAP_THRESHOLD_: `${2 ** 30}`, MALLOC_TRIM_THRESHOLD_: `${2 ** 30}` };

function python(job: object): unknown {
  const { status, stdout } = spawnSync(process.env.PYTHON ?? '/usr/bin/python3', [script, JSON.stringify(job)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...keptBuffers, PYTHONDONTWRITEBYTECODE: '1' },
  });
  if (status !== 0) throw new Error(`${script} ended with ${status}`);
  return JSON.parse(stdout.trim().split('\n').at(-1)!);
}

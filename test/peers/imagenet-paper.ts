// The recipe imagenet-paper on both sides, from the same weights and batches, which are written to a folder: ours with
// the training's own steps, schedule and average, and imagenet_paper.py's. Without dropout: its random numbers differ.

import { spawnSync } from 'node:child_process';
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { augmentations } from '../../src/data/augmentations.ts';
import type { Batch } from '../../src/data/step-batches.ts';
import { cpu } from '../../src/engine/device.ts';
import { setThreads } from '../../src/engine/machine.ts';
import { noGrad, scope } from '../../src/engine/memory.ts';
import { crossEntropy } from '../../src/engine/operators.ts';
import { buildNetwork, type Network } from '../../src/model/network.ts';
import { imagenetPreprocessing } from '../../src/model/preprocessing.ts';
import type { Optimizer } from '../../src/nn/optimizers.ts';
import { WeightAverage } from '../../src/nn/weight-average.ts';
import { planNetwork } from '../../src/plan/plan.ts';
import { nasnetA } from '../../src/space/published.ts';
import { openTrainingSource } from '../../src/streams/training-source.ts';
import { TrainingStream } from '../../src/streams/training-stream.ts';
import { HostSteps } from '../../src/train/host-steps.ts';
import { averageShareAt, learningRateAt } from '../../src/train/learning-rate.ts';
import { createOptimizer } from '../../src/train/optimizer.ts';
import { type Recipe, recipes } from '../../src/train/recipe.ts';
import { StepSums } from '../../src/train/step.ts';

export const python = '/usr/bin/python3'; // Debian's, which python3-torch installs into

/** Returns why PyTorch cannot be run; false if it can. */
export function whyNoPytorch(): string | false {
  const script = 'import importlib.util, sys; sys.exit(importlib.util.find_spec("torch") is None)';
  return spawnSync(python, ['-c', script]).status === 0 ? false : `${python} has no torch (Debian: python3-torch)`;
}

export interface PaperRun {
  /** Pictures that both sides are shown. */
  dataset: string;
  /** The folder of the batches and of the weights at the start. */
  folder: string;
  cells: number;
  filters: number;
  /** Side of the pictures in pixels, at least 67. */
  input: number;
  batch: number;
  steps: number;
  threads: number;
  /** Number of steps after which PyTorch goes on from our state; a single rounding grows twentyfold in a step. */
  every: number;
}

export interface PaperLosses {
  /** Losses of the steps, without L2. */
  losses: number[];
  /** Loss of the averaged weights in evaluation on the first batch. */
  averaged: number;
  /**
   * How far PyTorch was from our state after every `every` steps from the one before, as a share of the way between the
   * two: of parameters, and of averages.
   */
  drifts?: [parameters: number, averages: number][];
}

/** Share of a batch in the moving statistics: the layout's 0.0003 would keep their start in so few steps. */
const normMomentum = 0.05;
const paper: Recipe = recipes['imagenet-paper'];

/** How PyTorch runs: with so many threads, and whether it goes on from our states or only begins like us. */
export interface PeerRun {
  threads: number;
  resumes: boolean;
}

/** Returns the losses of our side, and a function that returns those of PyTorch. */
export async function paperRun(run: PaperRun): Promise<{ ours: PaperLosses; pytorch: (how: PeerRun) => PaperLosses }> {
  const { dataset, folder, cells, filters, input, batch, steps, threads, every } = run;
  setThreads(threads);
  using source = await openTrainingSource(dataset, { cache: folder });
  const classes = source.classes.length;
  const learningRate = (paper.learningRate * batch) / paper.batchSize;
  const recipe: Recipe = { ...paper, batchSize: batch, learningRate, dropoutKeep: 1 };
  const { mean, deviation } = imagenetPreprocessing;
  await using stream = new TrainingStream(source.train.source, {
    places: source.train.places,
    size: input,
    batchSize: batch,
    view: { kind: 'training', crop: recipe.randomParts!, flip: true, colour: true },
    augmentation: { ...augmentations.none, flip: false, cutout: 0 },
    whitening: { mean, deviation },
    seed: 1,
    device: cpu,
    threads,
  });
  const layout = { layout: 'imagenet', cells, filters, input, classes } as const;
  const plan = planNetwork(nasnetA, { ...layout, auxiliary: true });
  const network = buildNetwork(plan, { seed: 1, normDecay: 1 - normMomentum });
  const [start, batches, states] = ['start', 'batches', 'states'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(start, Buffer.concat(network.parameters().map((parameter) => parameter.detach().toBytes())));
  const ours = await ourLosses(network, { ...recipe, epochs: steps / stream.count }, stream, {
    batches,
    states,
    steps,
    every,
  });
  const job = { ...layout, architecture: nasnetA, start, batches, batch, steps, steps_per_epoch: stream.count };
  const pytorch = ({ threads, resumes }: PeerRun) =>
    pytorchLosses({
      ...job,
      ...(resumes && { states, every }),
      rate: learningRate,
      norm_momentum: normMomentum,
      threads,
    });
  return { ours, pytorch };
}

async function ourLosses(
  network: Network,
  recipe: Recipe,
  stream: TrainingStream,
  { batches, states, steps, every }: { batches: string; states: string; steps: number; every: number },
): Promise<PaperLosses> {
  using optimizer = createOptimizer(network, recipe);
  using sums = new StepSums(cpu);
  using average = new WeightAverage(network.stateDict());
  const trainee = { network, parameters: network.parameters(), optimizer, recipe, sums, average };
  const running = new HostSteps(trainee, stream, (step) => ({
    epoch: Math.floor(step / stream.count),
    index: step % stream.count,
    progress: step / steps,
    learningRate: learningRateAt(recipe, step, steps),
    averageShare: averageShareAt(recipe, step, stream.count),
    seed: step,
  }));
  const [file, stateFile] = [openSync(batches, 'w'), openSync(states, 'w')];
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const [epoch, index] = [Math.floor(step / stream.count), step % stream.count];
    await stream.wait(epoch, index);
    writeSync(file, stream.integersOf(epoch, index).subarray(0, stream.batchSize)); // labels
    writeSync(file, stream.pixels.of(epoch, index).bytes);
    if (step % every === 0) writeSync(stateFile, stateOf(network, optimizer, average));
    running.run(step);
    losses.push(sums.read().loss);
    sums.clear();
  }
  closeSync(file);
  closeSync(stateFile);
  average.swap();
  network.train(false);
  await stream.wait(0, 0);
  const averaged = scope(() => noGrad(() => lossOf(network, stream.batch(0, 0))));
  return { losses, averaged };
}

/** Returns parameters, moving statistics, squares, momenta, and the averages of both. */
function stateOf(network: Network, optimizer: Optimizer, average: WeightAverage): Uint8Array {
  const names = [...network.namedParameters().keys()];
  const all = network.stateDict();
  const statistics = Object.keys(all).filter((name) => !names.includes(name));
  const moved = optimizer.state();
  const averages = average.state();
  const tensors = [
    ...[...names, ...statistics].map((name) => all[name]!),
    ...names.map((name) => moved[`square.${name}`]!),
    ...names.map((name) => moved[`momentum.${name}`]!),
    ...[...names, ...statistics].map((name) => averages[name]!),
  ];
  return Buffer.concat(tensors.map((tensor) => tensor.detach().toBytes()));
}

const lossOf = (network: Network, { images, labels }: Batch): number =>
  crossEntropy(network.forward(images).logits, labels).item();

function pytorchLosses(job: object): PaperLosses {
  const script = join(import.meta.dirname, 'imagenet_paper.py');
  const { status, stdout, stderr } = spawnSync(python, [script, JSON.stringify(job)], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

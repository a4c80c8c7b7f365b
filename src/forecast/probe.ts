// Measures the initial prediction before a long search: a few seconds of training on this machine with all workers.

import { type Computing, onCpu } from '../engine/device.ts';
import type { Plan } from '../plan/plan.ts';
import { fitLaw } from '../statistics/robust-fit.ts';
import { finalSizes } from '../study/final-training.ts';
import { heldOut } from '../study/presets.ts';
import type { Laws } from '../study/results.ts';
import type { SearchSettings, Training } from '../study/settings.ts';
import type { CellPlans } from '../study/training-plan.ts';
import { phasesOf } from '../train/growth.ts';
import { stepsPerEpoch } from '../train/recipe.ts';
import type { JobRunner } from '../workers/job-runner.ts';
import { WorkerPool } from '../workers/pool.ts';
import { lawValue, startingLaws, stepTerms } from './cost-law.ts';
import type { ImageCounts } from './prediction.ts';
import type { Probed, ProbeJob, ProbeResources } from './probe-job.ts';
import { finalCells, randomCells } from './random-cells.ts';

const probing = {
  /** Target seconds of one step, which determines its number of images. */
  stepSeconds: 0.25,
  /** Duration of a cell's timed steps as a share of the whole search, within these bounds. */
  share: 0.001,
  least: 0.1,
  most: 0.75,
  cellsPerWorker: 2,
  /** Sizes of the final network of a budget: what steps of a small child take says little of those of large ones. */
  finals: 4,
};

/** Bytes that a worker needs for opened images before its first child: mapped pages and heap. */
const openedImages = 7.5e7;

/** Opens worker processes on this machine for ProbeJobs. */
export function probeRunner(workers: number, threads = 1): JobRunner {
  const evaluator = new URL('./probe-job.ts', import.meta.url);
  return new WorkerPool({ workers, evaluator, setup: {}, resources: { threads } satisfies ProbeResources, threads });
}

/**
 * Fits the initial laws to random cells of the search, and with a budget to final networks of the cell that it plans
 * with, which all workers train at once for at most a second each; undefined if none could be trained.
 * @param expected seconds of the whole search according to the default laws
 * @throws Failure if workers cannot be started
 */
export async function measureLaws(
  settings: SearchSettings,
  counts: ImageCounts,
  {
    workers,
    expected,
    computing = onCpu,
    openRunner = probeRunner,
  }: { workers: number; expected: number; computing?: Computing; openRunner?: typeof probeRunner },
): Promise<Laws | undefined> {
  await using runner = openRunner(workers);
  const seconds = Math.min(probing.most, Math.max(probing.least, probing.share * expected));
  const cells = randomCells(settings);
  const [planned] = finalCells(settings, cells);
  const finals = settings.budget ? finalSizes(settings).slice(0, probing.finals) : [];
  const trainings = [
    ...cells.slice(0, workers * probing.cellsPerWorker).map((cell) => [cell, settings.child] as const),
    ...finals.map((training) => [planned!, training] as const),
  ];
  const probes = trainings.map(async ([candidate, training]) => {
    const { recipe } = training;
    const plan = candidate.trainedPlan(training, counts.classes);
    const job: ProbeJob = { plan, recipe, computing, ...sizeOf(plan, recipe.batchSize, seconds) };
    const outcome = await runner.run(job);
    if ('failure' in outcome) return [];
    const { seconds: value, memory } = outcome.result as Probed;
    return [{ terms: stepTerms(plan, job), value, memory }];
  });
  const probed = (await Promise.all(probes)).flat();
  if (probed.length === 0) return undefined;
  const [, ...memory] = startingLaws.memory;
  const held = Math.min(...probed.map(({ memory: bytes }) => bytes)) + openedImages; // in a worker's first probe
  return { seconds: fitLaw(probed, startingLaws.seconds), memory: [held, ...memory] };
}

/** Returns the batch size and number of steps that take about `seconds` according to the default law. */
function sizeOf(plan: Plan, batchSize: number, seconds: number): { batch: number; steps: number } {
  const secondsOf = (batch: number) => lawValue(startingLaws.seconds, stepTerms(plan, { steps: 1, batch }));
  const image = secondsOf(2) - secondsOf(1);
  const batch = Math.max(1, Math.min(batchSize, Math.floor(probing.stepSeconds / image)));
  return { batch, steps: Math.max(1, Math.round(seconds / secondsOf(batch))) };
}

/**
 * Measures an epoch of a cell's training, alone and with `threads` threads: steps of each size of its images.
 * @returns the measured seconds divided by the predicted ones; undefined if it cannot be trained, or if its steps are
 * predicted to take more than `most` seconds
 */
export async function epochRatio(
  candidate: CellPlans,
  training: Training,
  {
    settings,
    counts,
    computing = onCpu,
  }: { settings: Pick<SearchSettings, 'validationImages'>; counts: ImageCounts; computing?: Computing },
  {
    threads,
    epochSeconds,
    most = Number.POSITIVE_INFINITY,
    probe = finalProbe,
    openRunner = probeRunner,
  }: {
    threads: number;
    epochSeconds: number;
    most?: number;
    probe?: typeof finalProbe;
    openRunner?: typeof probeRunner;
  },
): Promise<number | undefined> {
  const { recipe, trainingImages = counts.images - heldOut(settings, counts.images) } = training;
  const batch = Math.min(recipe.batchSize, trainingImages);
  const predicted = epochSeconds / stepsPerEpoch(trainingImages, recipe.batchSize); // a step
  const plan = candidate.trainedPlan(training, counts.classes);
  const phases = phasesOf(plan, recipe.growth);
  const rounds = 2 * phases.length; // the steps of each size of its images, and as many before that are not timed
  const seconds = Math.min(probe.seconds, most / rounds);
  const steps = Math.max(2, Math.min(probe.steps, Math.floor(seconds / predicted)));
  if (rounds * steps * predicted > most) return undefined;
  await using runner = openRunner(1, threads);
  let measured = 0; // a step on average
  for (const { from, until, side } of phases) {
    const outcome = await runner.run({ plan, recipe, batch, steps, side, computing } satisfies ProbeJob);
    if ('failure' in outcome) return undefined;
    measured += ((until - from) * (outcome.result as Probed).seconds) / steps;
  }
  return measured / predicted;
}

/** Maximum number of steps and seconds of the measurement of a final network, for each size of its images. */
const finalProbe = { steps: 50, seconds: 1.5 };

// A few seconds of training on this machine before a long search, on as many workers as it will have: where its predictions start.

import type { Plan } from '../plan/plan.ts';
import { fitLaw } from '../statistics/robust-fit.ts';
import type { Laws } from '../study/results.ts';
import type { SearchSettings } from '../study/settings.ts';
import type { JobRunner } from '../workers/job-runner.ts';
import { WorkerPool } from '../workers/pool.ts';
import { lawValue, startingLaws, stepTerms } from './cost-law.ts';
import { type ImageCounts, TrainingTerms } from './prediction.ts';
import type { Probed, ProbeJob } from './probe-job.ts';
import { randomCells } from './random-cells.ts';

const probing = {
  /** Of one step, which decides how many images it has. */
  stepSeconds: 0.25,
  /** Of the timed steps of one cell: so much of the whole search, within these bounds. */
  share: 0.001,
  least: 0.1,
  most: 0.75,
  cellsPerWorker: 2,
};

/** What a worker holds before its first child beside what it holds before it opens the images: their mapped pages and its heap. */
const openedImages = 7.5e7;

/** Worker processes of this machine, for ProbeJobs. */
export function probeRunner(workers: number): JobRunner {
  return new WorkerPool({ workers, evaluator: new URL('./probe-job.ts', import.meta.url), setup: {}, threads: 1 });
}

/**
 * The starting laws, fitted to random cells of the search that its workers train all at once, each for a second at most;
 * undefined where none of them could be trained.
 * @param expected seconds of the whole search, by the laws that the code states
 * @throws Failure when workers cannot be started
 */
export async function measureLaws(
  settings: SearchSettings,
  counts: ImageCounts,
  {
    workers,
    expected,
    openRunner = probeRunner,
  }: { workers: number; expected: number; openRunner?: typeof probeRunner },
): Promise<Laws | undefined> {
  const { recipe } = settings.child;
  const terms = new TrainingTerms(settings, settings.child, counts);
  await using runner = openRunner(workers);
  const seconds = Math.min(probing.most, Math.max(probing.least, probing.share * expected));
  const cells = randomCells(settings).slice(0, workers * probing.cellsPerWorker);
  const probes = cells.map(async (candidate) => {
    const plan = terms.plan(candidate);
    const job: ProbeJob = { plan, recipe, ...sizeOf(plan, recipe.batchSize, seconds) };
    const outcome = await runner.run(job);
    if ('failure' in outcome) return [];
    const { seconds: value, memory } = outcome.result as Probed;
    return [{ terms: stepTerms(plan, job), value, memory }];
  });
  const probed = (await Promise.all(probes)).flat();
  if (probed.length === 0) return undefined;
  const [, ...memory] = startingLaws.memory;
  const held = Math.min(...probed.map(({ memory: bytes }) => bytes)) + openedImages; // of a worker's first probe
  return { seconds: fitLaw(probed, startingLaws.seconds), memory: [held, ...memory] };
}

/** Images and steps that take about as long as a probe should, by the starting law. */
function sizeOf(plan: Plan, batchSize: number, seconds: number): { batch: number; steps: number } {
  const secondsOf = (batch: number) => lawValue(startingLaws.seconds, stepTerms(plan, { steps: 1, batch }));
  const image = secondsOf(2) - secondsOf(1);
  const batch = Math.max(1, Math.min(batchSize, Math.floor(probing.stepSeconds / image)));
  return { batch, steps: Math.max(1, Math.round(seconds / secondsOf(batch))) };
}

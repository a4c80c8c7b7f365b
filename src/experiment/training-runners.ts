// Opens the job runner of each part of a search; by default worker processes on this machine.

import { availableParallelism } from 'node:os';
import type { TrainingResources, TrainingSetup } from '../children/training-job.ts';
import type { JobRunner } from '../workers/job-runner.ts';
import { WorkerPool } from '../workers/pool.ts';

/** Trainings that share a runner. */
export interface TrainingGroup {
  setup: TrainingSetup;
  /** Identity of the setup, the same on every machine, so that a setup is sent once. */
  identity: string;
  /** Number of trainings at once. */
  workers: number;
  /** Threads of each training. */
  threads: 'one' | 'all';
}

/** Opens a runner whose jobs are TrainingJobs. */
export type OpenRunner = (group: TrainingGroup) => JobRunner;

const evaluator = new URL('../children/training-job.ts', import.meta.url);

/** Returns a function that opens worker processes on this machine. */
export function localRunners(resources: Omit<TrainingResources, 'threads'>): OpenRunner {
  return ({ setup, workers, threads: share }) => {
    const threads = share === 'all' ? availableParallelism() : 1;
    return new WorkerPool({ workers, evaluator, setup, resources: { ...resources, threads }, threads });
  };
}

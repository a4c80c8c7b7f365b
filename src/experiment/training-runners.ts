// Who does the trainings of a search: it opens a runner for each of its parts. Here: worker processes of this machine.

import { availableParallelism } from 'node:os';
import type { TrainingResources, TrainingSetup } from '../children/training-job.ts';
import type { JobRunner } from '../workers/job-runner.ts';
import { WorkerPool } from '../workers/pool.ts';

export interface WantedTrainings {
  setup: TrainingSetup;
  /** Of the setup, the same on every machine: whoever sends jobs to others sends each setup once. */
  identity: string;
  /** How many trainings at once. */
  workers: number;
  /** Of each training. */
  threads: 'one' | 'all';
}

/** Opens a runner whose jobs are TrainingJobs. */
export type OpenRunner = (wanted: WantedTrainings) => JobRunner;

const evaluator = new URL('../children/training-job.ts', import.meta.url);

export function localRunners(resources: Omit<TrainingResources, 'threads'>): OpenRunner {
  return ({ setup, workers, threads: share }) => {
    const threads = share === 'all' ? availableParallelism() : 1;
    return new WorkerPool({ workers, evaluator, setup, resources: { ...resources, threads }, threads });
  };
}

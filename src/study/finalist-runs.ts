// The stored trainings of finalists. training-table.ts has their states; selection/racing.ts and
// experiment/finalists.ts decide which trainings there are.

import type { DatabaseFile } from '../database/file.ts';
import type { Row } from '../database/row.ts';
import { addEvent } from './events.ts';
import type { Reward, TrialFailure } from './outcome.ts';
import { failureOf, type TrialState } from './records.ts';
import { type StartOfTraining, type TrainingKind, TrainingTable } from './training-table.ts';

/** One training of a finalist: the trial, and the number of the seed (1, 2 …), which all finalists share. */
export interface FinalistRun {
  trial: number;
  run: number;
}

export interface FinalistRunRecord extends FinalistRun {
  state: TrialState;
  attempts: number;
  /** Validation accuracy, 0 to 1; null until done. */
  accuracy: number | null;
  failure: TrialFailure | null;
  /** Duration in seconds of the attempt that produced the outcome. */
  workerSeconds: number | null;
}

const trainings: TrainingKind<FinalistRun> = {
  table: 'finalist_runs',
  columns: ['trial', 'run'],
  values: ({ trial, run }) => [trial, run],
  trial: ({ trial }) => trial,
  words: ({ trial, run }) => `run ${run} of finalist ${trial}`,
  event: (kind) => {
    if (kind === 'tell') throw new Error('outcomes of finalists are not reported: their race is read from the file');
    return `finalist-${kind}`;
  },
  detail: ({ run }, about) => JSON.stringify({ run, ...about }),
  reached: 'accuracy',
  isReported: false,
};

export class FinalistRuns {
  readonly #file: DatabaseFile;
  readonly #trainings: TrainingTable<FinalistRun>;

  constructor(file: DatabaseFile) {
    this.#file = file;
    this.#trainings = new TrainingTable(file, trainings);
  }

  /** Returns all trainings by trial and run. */
  all(): FinalistRunRecord[] {
    return this.#file.query('SELECT * FROM finalist_runs ORDER BY trial, run').all().map(recordOf);
  }

  /** Queues a training unless it was queued before. */
  want({ trial, run }: FinalistRun): void {
    const sql = `INSERT INTO finalist_runs (trial, run, state) VALUES (?, ?, 'queued') ON CONFLICT DO NOTHING`;
    if (this.#file.query(sql).run(trial, run) === 1)
      addEvent(this.#file, 'finalist-want', trial, JSON.stringify({ run }));
  }

  start(run: FinalistRun, about?: StartOfTraining): void {
    this.#trainings.start(run, about);
  }

  /** Puts a training back into the queue: its worker died ('retry') or the process stopped ('requeue'). */
  putBack(run: FinalistRun, kind: 'retry' | 'requeue', reason: string): void {
    this.#trainings.putBack(run, kind, reason);
  }

  /** Puts back the trainings that ran when a process was killed. */
  putBackKilled(): void {
    for (const run of this.all())
      if (run.state === 'running') this.#trainings.putBack(run, 'requeue', 'the process was killed');
  }

  /** Puts back all failed trainings, to retry them. */
  putBackFailed(): void {
    for (const run of this.all()) if (run.state === 'failed') this.#trainings.revive(run, 'every finalist failed');
  }

  finish(run: FinalistRun, { reward, seconds, details }: Reward): void {
    this.#trainings.finish(run, { reward, seconds, details });
  }

  fail(run: FinalistRun, failure: TrialFailure, seconds: number): void {
    this.#trainings.fail(run, failure, seconds);
  }
}

const recordOf = (row: Row): FinalistRunRecord => ({
  trial: Number(row.trial),
  run: Number(row.run),
  state: row.state as TrialState,
  attempts: Number(row.attempts),
  accuracy: row.accuracy as number | null,
  failure: failureOf(row),
  workerSeconds: row.worker_seconds as number | null,
});

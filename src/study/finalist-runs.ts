// The trainings of finalists as the study keeps them (their states are training-table.ts's). Which trainings there are to be is
// selection/racing.ts's and experiment/finalists.ts's.

import type { DatabaseFile } from '../database/file.ts';
import type { Row } from '../database/row.ts';
import { addEvent } from './events.ts';
import type { Reward, TrialFailure } from './outcome.ts';
import { failureOf, type TrialState } from './records.ts';
import { type TrainingKind, TrainingTable } from './training-table.ts';

/** One training of a finalist: which trial's cells, and which of the seeds that all finalists share (1, 2 …). */
export interface FinalistRun {
  trial: number;
  run: number;
}

export interface FinalistRunRecord extends FinalistRun {
  state: TrialState;
  attempts: number;
  /** 0 to 1, on the held-out images; null until done. */
  accuracy: number | null;
  failure: TrialFailure | null;
  /** Seconds that a worker spent on the attempt that gave the outcome. */
  workerSeconds: number | null;
}

const trainings: TrainingKind<FinalistRun> = {
  table: 'finalist_runs',
  columns: ['trial', 'run'],
  values: ({ trial, run }) => [trial, run],
  trial: ({ trial }) => trial,
  words: ({ trial, run }) => `run ${run} of finalist ${trial}`,
  event: (kind) => {
    if (kind === 'tell') throw new Error('nobody is told of finalists: their race is read from the file');
    return `finalist-${kind}`;
  },
  detail: ({ run }, reason) => JSON.stringify({ run, reason }),
  reached: 'accuracy',
  told: false,
};

export class FinalistRuns {
  readonly #file: DatabaseFile;
  readonly #trainings: TrainingTable<FinalistRun>;

  constructor(file: DatabaseFile) {
    this.#file = file;
    this.#trainings = new TrainingTable(file, trainings);
  }

  /** By trial and run. */
  all(): FinalistRunRecord[] {
    return this.#file.query('SELECT * FROM finalist_runs ORDER BY trial, run').all().map(recordOf);
  }

  /** Queued, unless it was wanted before. */
  want({ trial, run }: FinalistRun): void {
    const sql = `INSERT INTO finalist_runs (trial, run, state) VALUES (?, ?, 'queued') ON CONFLICT DO NOTHING`;
    if (this.#file.query(sql).run(trial, run) === 1)
      addEvent(this.#file, 'finalist-want', trial, JSON.stringify({ run }));
  }

  start(run: FinalistRun): void {
    this.#trainings.start(run);
  }

  /** Back to the queue: its worker died ('retry') or the process stopped ('requeue'). */
  putBack(run: FinalistRun, kind: 'retry' | 'requeue', reason: string): void {
    this.#trainings.putBack(run, kind, reason);
  }

  /** Those that ran when a process was killed. */
  putBackKilled(): void {
    for (const run of this.all())
      if (run.state === 'running') this.#trainings.putBack(run, 'requeue', 'the process was killed');
  }

  /** All that failed, for another try. */
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

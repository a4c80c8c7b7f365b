// The trainings of finalists as the study keeps them: guarded transitions queued → running → done | failed, each one SQL statement
// that names the state it leaves. Which trainings there are to be is selection/racing.ts's and experiment/finalists.ts's.

import type { DatabaseFile, Row, Value } from '../database/file.ts';
import type { Reward, TrialFailure } from './outcome.ts';
import { failureOf, type TrialState } from './records.ts';

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

export class FinalistRuns {
  readonly #file: DatabaseFile;

  constructor(file: DatabaseFile) {
    this.#file = file;
  }

  /** By trial and run. */
  all(): FinalistRunRecord[] {
    return this.#file.query('SELECT * FROM finalist_runs ORDER BY trial, run').all().map(recordOf);
  }

  /** Queued, unless it was wanted before. */
  want({ trial, run }: FinalistRun): void {
    const sql = `INSERT INTO finalist_runs (trial, run, state) VALUES (?, ?, 'queued') ON CONFLICT DO NOTHING`;
    this.#file.query(sql).run(trial, run);
  }

  start(run: FinalistRun): void {
    this.#move(`state = 'running', attempts = attempts + 1, started_at = ?`, 'queued', run, Date.now());
  }

  /** Its worker died, or the process stopped. */
  putBack(run: FinalistRun): void {
    this.#move(`state = 'queued'`, 'running', run);
  }

  /** Those that ran when a process was killed. */
  putBackKilled(): void {
    this.#file.query(`UPDATE finalist_runs SET state = 'queued' WHERE state = 'running'`).run();
  }

  /** All that failed, for another try. */
  putBackFailed(): void {
    const sql = `UPDATE finalist_runs SET state = 'queued', failure_kind = NULL, failure_message = NULL WHERE state = 'failed'`;
    this.#file.query(sql).run();
  }

  finish(run: FinalistRun, { reward, seconds, details }: Reward): void {
    const change = `state = 'done', finished_at = ?, worker_seconds = ?, accuracy = ?, details = ?`;
    this.#move(change, 'running', run, Date.now(), seconds, reward, JSON.stringify(details ?? null));
  }

  fail(run: FinalistRun, { kind, message }: TrialFailure, seconds: number): void {
    const change = `state = 'failed', finished_at = ?, worker_seconds = ?, failure_kind = ?, failure_message = ?`;
    this.#move(change, 'running', run, Date.now(), seconds, kind, message);
  }

  #move(change: string, from: TrialState, { trial, run }: FinalistRun, ...values: Value[]): void {
    const sql = `UPDATE finalist_runs SET ${change} WHERE trial = ? AND run = ? AND state = '${from}'`;
    if (this.#file.query(sql).run(...values, trial, run) === 1) return;
    throw new Error(`run ${run} of finalist ${trial} is not ${from}: ${sql}`);
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

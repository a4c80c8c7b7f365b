// The stored trainings of promoted trials, and their promotions. training-table.ts has the states; selection/ladder.ts
// decides the promotions.

import type { DatabaseFile } from '../database/file.ts';
import type { Row } from '../database/row.ts';
import type { Outcome } from '../search/strategy.ts';
import { addEvent } from './events.ts';
import { finiteOrNull, outcomeOf, replacingEpoch, type TrainingLog } from './log.ts';
import type { EpochReport, Reward, TrialFailure } from './outcome.ts';
import { detailsOf, type EpochRecord, epochOf, failureOf, latestAttempt, type TrialState } from './records.ts';
import { storedDecisions } from './stored-decisions.ts';
import { json, type StartOfTraining, type TrainingKind, TrainingTable } from './training-table.ts';

export interface Promotion {
  member: number;
  /** The rung to which the member is promoted, at least 1. */
  rung: number;
  /** Whether it is promoted at random, not as one of the best. */
  atRandom: boolean;
}

/** A trial's training at a rung above the lowest. */
export interface RungRecord {
  trial: number;
  /** 1, 2 … */
  rung: number;
  state: TrialState;
  attempts: number;
  /** Validation accuracy, 0 to 1; null until done. */
  reward: number | null;
  failure: TrialFailure | null;
  /** Milliseconds since 1970. */
  finishedAt: number | null;
  /** Duration in seconds of the attempt that produced the outcome. */
  workerSeconds: number | null;
  /** Details from the evaluator (JSON). */
  details: unknown;
}

/** A training that is not reported to the ladder yet. */
export interface OpenRung {
  trial: number;
  rung: number;
  decisions: number[];
  running: boolean;
  /** Undefined until it is done or failed; then with the sequence number of that event. */
  finished: { outcome: Outcome; finishedAs: number } | undefined;
  /** Number of trainings, of new and of promoted trials, that were asked for before it. */
  place: number;
}

export interface PromotionRecord extends Promotion {
  /** The arm of the ladder. */
  ladder: number;
}

export class Rungs {
  readonly #file: DatabaseFile;

  constructor(file: DatabaseFile) {
    this.#file = file;
  }

  /** Records a promotion. Returns whether its training is new; it is then queued. */
  promote({ ladder, member, rung, atRandom }: PromotionRecord, asked: number): boolean {
    const sequence = addEvent(this.#file, 'promote', member, JSON.stringify({ ladder, rung, drawn: atRandom }));
    this.#file
      .query('INSERT INTO promotions (ladder, trial, rung, drawn) VALUES (?, ?, ?, ?)')
      .run(ladder, member, rung, Number(atRandom));
    const sql = `INSERT INTO rungs (trial, rung, state, wanted_as, asked) VALUES (?, ?, 'queued', ?, ?) ON CONFLICT DO NOTHING`;
    return this.#file.query(sql).run(member, rung, sequence, asked) === 1;
  }

  /** Returns the log of a rung's trainings. */
  at(rung: number): TrainingLog {
    return new RungLog(this.#file, rung);
  }

  /** Returns all promotions by ladder, trial and rung. */
  promotions(): PromotionRecord[] {
    const rows = this.#file.query('SELECT * FROM promotions ORDER BY ladder, trial, rung').all();
    return rows.map(({ ladder, trial, rung, drawn }) => {
      return { ladder: Number(ladder), member: Number(trial), rung: Number(rung), atRandom: drawn === 1 };
    });
  }

  /** Returns all trainings by trial and rung. */
  all(): RungRecord[] {
    return this.#file
      .query('SELECT * FROM rungs ORDER BY trial, rung')
      .all()
      .map((row) => recordOf(this.#file, row));
  }

  /** Returns the number of done trainings and of open ones (neither done nor failed) of each rung. */
  counts(): Map<number, { done: number; open: number }> {
    const sql = `SELECT rung, total(state = 'done') AS done, total(state IN ('queued', 'running')) AS open FROM rungs GROUP BY rung`;
    const rows = this.#file.query(sql).all();
    return new Map(rows.map(({ rung, done, open }) => [Number(rung), { done: Number(done), open: Number(open) }]));
  }

  /** Returns the trainings of a trial, the lowest rung first. */
  of(trial: number): RungRecord[] {
    const sql = 'SELECT * FROM rungs WHERE trial = ? ORDER BY rung';
    return this.#file
      .query(sql)
      .all(trial)
      .map((row) => recordOf(this.#file, row));
  }

  /** Returns finished trainings that were reported to the ladder. */
  reported(): (Pick<RungRecord, 'trial' | 'rung'> & { outcome: Outcome })[] {
    const sql = 'SELECT trial, rung, reward, failure_kind FROM rungs WHERE told = 1 ORDER BY trial, rung';
    return this.#file
      .query(sql)
      .all()
      .map((row) => ({ trial: Number(row.trial), rung: Number(row.rung), outcome: outcomeOf(row) }));
  }

  /** Returns trainings that are not reported to the ladder, in the order in which they were queued. */
  open(): OpenRung[] {
    const sql = `SELECT rungs.*, trials.decisions,
        asked + (SELECT count(*) FROM rungs AS earlier WHERE earlier.wanted_as < rungs.wanted_as) AS place
      FROM rungs JOIN trials ON number = trial WHERE rungs.told = 0 ORDER BY rungs.wanted_as`;
    return this.#file
      .query(sql)
      .all()
      .map((row) => ({
        trial: Number(row.trial),
        rung: Number(row.rung),
        decisions: storedDecisions(this.#file, row),
        running: row.state === 'running',
        finished:
          row.finished_as === null ? undefined : { outcome: outcomeOf(row), finishedAs: Number(row.finished_as) },
        place: Number(row.place),
      }));
  }

  /** Returns the number of trials asked for before each training, in the order in which they were queued. */
  wanted(): number[] {
    return this.#file
      .query('SELECT asked FROM rungs ORDER BY wanted_as')
      .all()
      .map((row) => Number(row.asked));
  }

  /** Returns the epochs of the latest attempt of a trial's training at a rung, in order. */
  epochs(trial: number, rung: number): EpochRecord[] {
    const sql = 'SELECT * FROM rung_epochs WHERE trial = ? AND rung = ? ORDER BY attempt, epoch';
    const rows = this.#file.allOf('rung_epochs', [[trial, rung]], sql, trial, rung);
    return latestAttempt(rows).map((row) => epochOf(this.#file, row));
  }
}

const rungTrainings: TrainingKind<{ trial: number; rung: number }> = {
  table: 'rungs',
  columns: ['trial', 'rung'],
  values: ({ trial, rung }) => [trial, rung],
  trial: ({ trial }) => trial,
  words: ({ trial, rung }) => `trial ${trial} at rung ${rung}`,
  event: (kind) => `rung-${kind}`,
  detail: ({ rung }, about) => JSON.stringify({ rung, ...about }),
  reached: 'reward',
  isReported: true,
};

class RungLog implements TrainingLog {
  readonly #file: DatabaseFile;
  readonly #rung: number;
  readonly #trainings: TrainingTable<{ trial: number; rung: number }>;

  constructor(file: DatabaseFile, rung: number) {
    this.#file = file;
    this.#rung = rung;
    this.#trainings = new TrainingTable(file, rungTrainings);
  }

  start(trial: number, about?: StartOfTraining): void {
    this.#trainings.start(this.#of(trial), about);
  }

  putBack(trial: number, kind: 'retry' | 'requeue', reason: string): void {
    this.#trainings.putBack(this.#of(trial), kind, reason);
  }

  finish(trial: number, { reward, seconds, details }: Reward): void {
    // a repeat has the rungs of the trial that it repeats
    this.#trainings.finish(this.#of(trial), { reward, seconds, details });
  }

  fail(trial: number, failure: TrialFailure, workerSeconds: number): void {
    this.#trainings.fail(this.#of(trial), failure, workerSeconds);
  }

  tell(trial: number): number {
    return this.#trainings.tell(this.#of(trial));
  }

  epoch(trial: number, { epoch, loss, accuracy, imagesPerSecond, details }: EpochReport): void {
    const sql = `INSERT INTO rung_epochs (trial, rung, attempt, epoch, at, loss, accuracy, images_per_second, details)
      SELECT trial, rung, attempts, ?, ?, ?, ?, ?, ? FROM rungs WHERE trial = ? AND rung = ? ${replacingEpoch}`;
    const numbers = [loss, accuracy, imagesPerSecond].map(finiteOrNull);
    this.#file.query(sql).run(Math.ceil(epoch), Date.now(), ...numbers, json(details), trial, this.#rung);
  }

  #of(trial: number) {
    return { trial, rung: this.#rung };
  }
}

const recordOf = (file: DatabaseFile, row: Row): RungRecord => ({
  trial: Number(row.trial),
  rung: Number(row.rung),
  state: row.state as TrialState,
  attempts: Number(row.attempts),
  reward: row.reward as number | null,
  failure: failureOf(row),
  finishedAt: row.finished_at as number | null,
  workerSeconds: row.worker_seconds as number | null,
  details: detailsOf(file, row, `trial ${row.trial} at rung ${row.rung}`),
});

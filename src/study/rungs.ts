// The trainings of promoted trials as the study keeps them (their states are training-table.ts's), and who promoted them. Who is to be
// promoted is selection/ladder.ts's.

import type { DatabaseFile } from '../database/file.ts';
import type { Row } from '../database/row.ts';
import type { Outcome } from '../search/strategy.ts';
import { addEvent } from './events.ts';
import { finiteOrNull, outcomeOf, replacingEpoch, type TrainingLog } from './log.ts';
import type { EpochReport, Reward, TrialFailure } from './outcome.ts';
import { detailsOf, type EpochRecord, epochOf, failureOf, type TrialState } from './records.ts';
import { storedDecisions } from './stored-decisions.ts';
import { json, type TrainingKind, TrainingTable } from './training-table.ts';

export interface Promotion {
  member: number;
  /** The rung that the member goes up to, 1 or higher. */
  rung: number;
  /** It goes up because a lot fell on it, not for being among the best. */
  drawn: boolean;
}

/** A trial's training at a rung above the lowest. */
export interface RungRecord {
  trial: number;
  /** 1, 2 … */
  rung: number;
  state: TrialState;
  attempts: number;
  /** 0 to 1, on the held-out images; null until done. */
  reward: number | null;
  failure: TrialFailure | null;
  /** Milliseconds since 1970. */
  finishedAt: number | null;
  /** Seconds that a worker spent on the attempt that gave the outcome. */
  workerSeconds: number | null;
  /** What the evaluator said beside the reward (JSON). */
  details: unknown;
}

/** A training that the ladder was not told of yet. */
export interface OpenRung {
  trial: number;
  rung: number;
  decisions: number[];
  running: boolean;
  /** Undefined until it is done or failed; then with the place of that in the log. */
  finished: { outcome: Outcome; finishedAs: number } | undefined;
  /** How many trainings, of new trials and of promoted ones, had been asked for before it. */
  place: number;
}

export interface PromotionRecord extends Promotion {
  /** Which arm's. */
  ladder: number;
}

export class Rungs {
  readonly #file: DatabaseFile;

  constructor(file: DatabaseFile) {
    this.#file = file;
  }

  /** A ladder promotes a trial. Returns whether its training is wanted for the first time: it is then queued. */
  promote({ ladder, member, rung, drawn }: PromotionRecord, asked: number): boolean {
    const sequence = addEvent(this.#file, 'promote', member, JSON.stringify({ ladder, rung, drawn }));
    this.#file
      .query('INSERT INTO promotions (ladder, trial, rung, drawn) VALUES (?, ?, ?, ?)')
      .run(ladder, member, rung, Number(drawn));
    const sql = `INSERT INTO rungs (trial, rung, state, wanted_as, asked) VALUES (?, ?, 'queued', ?, ?) ON CONFLICT DO NOTHING`;
    return this.#file.query(sql).run(member, rung, sequence, asked) === 1;
  }

  /** Where it is written what becomes of the trainings of a rung. */
  at(rung: number): TrainingLog {
    return new RungLog(this.#file, rung);
  }

  /** By ladder, trial and rung. */
  promotions(): PromotionRecord[] {
    const rows = this.#file.query('SELECT * FROM promotions ORDER BY ladder, trial, rung').all();
    return rows.map(({ ladder, trial, rung, drawn }) => {
      return { ladder: Number(ladder), member: Number(trial), rung: Number(rung), drawn: drawn === 1 };
    });
  }

  /** By trial and rung. */
  all(): RungRecord[] {
    return this.#file
      .query('SELECT * FROM rungs ORDER BY trial, rung')
      .all()
      .map((row) => recordOf(this.#file, row));
  }

  /** How many of each rung are done, and how many neither done nor failed. */
  counts(): Map<number, { done: number; open: number }> {
    const sql = `SELECT rung, total(state = 'done') AS done, total(state IN ('queued', 'running')) AS open FROM rungs GROUP BY rung`;
    const rows = this.#file.query(sql).all();
    return new Map(rows.map(({ rung, done, open }) => [Number(rung), { done: Number(done), open: Number(open) }]));
  }

  /** Those of a trial, from the lowest on. */
  of(trial: number): RungRecord[] {
    const sql = 'SELECT * FROM rungs WHERE trial = ? ORDER BY rung';
    return this.#file
      .query(sql)
      .all(trial)
      .map((row) => recordOf(this.#file, row));
  }

  /** Finished trainings that the ladder was told of. */
  told(): (Pick<RungRecord, 'trial' | 'rung'> & { outcome: Outcome })[] {
    const sql = 'SELECT trial, rung, reward, failure_kind FROM rungs WHERE told = 1 ORDER BY trial, rung';
    return this.#file
      .query(sql)
      .all()
      .map((row) => ({ trial: Number(row.trial), rung: Number(row.rung), outcome: outcomeOf(row) }));
  }

  /** Those that the ladder was not told of, in the order in which they were wanted. */
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

  /** Of every training, in the order in which they were wanted: how many trials had been asked for before. */
  wanted(): number[] {
    return this.#file
      .query('SELECT asked FROM rungs ORDER BY wanted_as')
      .all()
      .map((row) => Number(row.asked));
  }

  /** The epochs of the latest attempt of a trial's training at a rung, in order. */
  epochs(trial: number, rung: number): EpochRecord[] {
    const sql = `SELECT * FROM rung_epochs WHERE trial = ? AND rung = ?
      AND attempt = (SELECT max(attempt) FROM rung_epochs WHERE trial = ? AND rung = ?) ORDER BY epoch`;
    const rows = this.#file.query(sql).all(trial, rung, trial, rung);
    return this.#file.intact('rung_epochs', rows).map((row) => epochOf(this.#file, row));
  }
}

const rungTrainings: TrainingKind<{ trial: number; rung: number }> = {
  table: 'rungs',
  columns: ['trial', 'rung'],
  values: ({ trial, rung }) => [trial, rung],
  trial: ({ trial }) => trial,
  words: ({ trial, rung }) => `trial ${trial} at rung ${rung}`,
  event: (kind) => `rung-${kind}`,
  detail: ({ rung }, reason) => JSON.stringify({ rung, reason }),
  reached: 'reward',
  told: true,
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

  start(trial: number): void {
    this.#trainings.start(this.#of(trial));
  }

  putBack(trial: number, kind: 'retry' | 'requeue', reason: string): void {
    this.#trainings.putBack(this.#of(trial), kind, reason);
  }

  finish(trial: number, { reward, seconds, details }: Reward): void {
    this.#trainings.finish(this.#of(trial), { reward, seconds, details }); // repeats climb with the trial that they repeat
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
    this.#file.query(sql).run(epoch, Date.now(), ...numbers, json(details), trial, this.#rung);
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

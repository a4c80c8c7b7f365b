// Writes a study: trials, the states of their trainings (training-table.ts), epochs, the strategy's updates and
// snapshots. Calls inside study.transaction() are one commit.

import type { DatabaseFile } from '../database/file.ts';
import type { Row } from '../database/row.ts';
import { withinRange } from '../search/reward.ts';
import type { Outcome, Policy } from '../search/strategy.ts';
import { addEvent } from './events.ts';
import type { EpochReport, Reward, TrialFailure } from './outcome.ts';
import { storedDecisions } from './stored-decisions.ts';
import { json, type StartOfTraining, type TrainingKind, TrainingTable } from './training-table.ts';

export interface UnfinishedTrial {
  number: number;
  decisions: number[];
  running: boolean;
}

export interface FinishedTrial {
  number: number;
  outcome: Outcome;
  /** The trial whose reward was reused. */
  sameAs?: number | undefined;
}

/** The log of trainings: of new trials in the study's log, of promoted ones in the log of their rung (rungs.ts). */
export interface TrainingLog {
  start(trial: number, about?: StartOfTraining): void;
  /** Puts a training back into the queue: its worker died ('retry') or the search stopped ('requeue'). */
  putBack(trial: number, kind: 'retry' | 'requeue', reason: string): void;
  finish(trial: number, reward: Reward): void;
  fail(trial: number, failure: TrialFailure, workerSeconds: number): void;
  /** Records that the outcome was reported to the strategy or ladder. Returns the event's sequence number. */
  tell(trial: number): number;
  epoch(trial: number, report: EpochReport): void;
}

/** Where a trial's decisions came from, as its ask event says. */
export interface TrialOrigin {
  /** The trial whose decisions a strategy changed. */
  parent?: number;
  /** A person named the cell: the strategy was not asked. */
  byHand?: true;
}

/** One call of the strategy. `outcome` is only valid for a tell. */
export interface StrategyEvent extends FinishedTrial {
  /** A person named the cell, so that the strategy was not asked for it. */
  byHand: boolean;
  sequence: number;
  kind: 'ask' | 'tell';
  decisions: number[];
}

const trialTrainings: TrainingKind<number> = {
  table: 'trials',
  columns: ['number'],
  values: (trial) => [trial],
  trial: (trial) => trial,
  words: (trial) => `trial ${trial}`,
  event: (kind) => kind,
  detail: (_, { reason, ...start }) => reason ?? (Object.keys(start).length > 0 ? JSON.stringify(start) : null),
  reached: 'reward',
  isReported: true,
};

const storedSnapshots = 2; // the latest, and one more in case it is damaged

export class StudyLog implements TrainingLog {
  readonly #file: DatabaseFile;
  readonly #trainings: TrainingTable<number>;

  constructor(file: DatabaseFile) {
    this.#file = file;
    this.#trainings = new TrainingTable(file, trialTrainings);
  }

  /** Adds a queued trial. Returns the event's sequence number. */
  ask(trial: number, decisions: readonly number[], origin?: TrialOrigin): number {
    const sql = `INSERT INTO trials (number, state, decisions, asked_at) VALUES (?, 'queued', ?, ?)`;
    this.#file.query(sql).run(trial, JSON.stringify(decisions), Date.now());
    return addEvent(this.#file, 'ask', trial, origin ? JSON.stringify(origin) : null);
  }

  start(trial: number, about?: StartOfTraining): void {
    this.#trainings.start(trial, about);
  }

  putBack(trial: number, kind: 'retry' | 'requeue', reason: string): void {
    this.#trainings.putBack(trial, kind, reason);
  }

  finish(trial: number, reward: Reward): void {
    this.#trainings.finish(trial, reward);
  }

  fail(trial: number, failure: TrialFailure, workerSeconds: number): void {
    this.#trainings.fail(trial, failure, workerSeconds);
  }

  /** Records that the outcome was reported to the strategy. Returns the event's sequence number. */
  tell(trial: number): number {
    return this.#trainings.tell(trial);
  }

  epoch(trial: number, { epoch, loss, accuracy, imagesPerSecond, details }: EpochReport): void {
    const sql = `INSERT INTO epochs (trial, attempt, epoch, at, loss, accuracy, images_per_second, details)
      SELECT number, attempts, ?, ?, ?, ?, ?, ? FROM trials WHERE number = ? ${replacingEpoch}`;
    const numbers = [loss, accuracy, imagesPerSecond].map(finiteOrNull);
    this.#file.query(sql).run(Math.ceil(epoch), Date.now(), ...numbers, json(details), trial);
  }

  /** Records the figures of the strategy's update that this trial caused. */
  update(trial: number, figures: Record<string, number>): void {
    addEvent(this.#file, 'update', trial, JSON.stringify(figures));
  }

  /** Records the probabilities of a controller's choices, as bytes: 255 is 1. */
  policy(trial: number, { probabilities, ...policy }: Policy): void {
    const bytes = Uint8Array.from(probabilities.flat(), (probability) => Math.round(255 * probability));
    addEvent(this.#file, 'policy', trial, JSON.stringify({ ...policy, bytes: Buffer.from(bytes).toString('base64') }));
  }

  /** Records what a person asked of the search, once the search did it. */
  request(request: object): void {
    addEvent(this.#file, 'request', null, JSON.stringify(request));
  }

  /** Stores the strategy's state after the event with number `sequence`. */
  snapshot(sequence: number, strategy: string, bytes: Uint8Array): void {
    const sql = `INSERT INTO snapshots (sequence, strategy, bytes) VALUES (?, ?, ?)
      ON CONFLICT DO UPDATE SET strategy = excluded.strategy, bytes = excluded.bytes`;
    this.#file.query(sql).run(sequence, strategy, bytes);
    const old =
      'DELETE FROM snapshots WHERE sequence NOT IN (SELECT sequence FROM snapshots ORDER BY sequence DESC LIMIT ?)';
    this.#file.query(old).run(storedSnapshots);
  }

  /** Returns the trials without an outcome, by number. */
  get unfinished(): UnfinishedTrial[] {
    const sql = `SELECT number, decisions, state FROM trials WHERE told = 0 AND state IN ('queued', 'running') ORDER BY number`;
    return this.#file
      .query(sql)
      .all()
      .map((row) => ({
        number: Number(row.number),
        decisions: storedDecisions(this.#file, row),
        running: row.state === 'running',
      }));
  }

  /** Returns the finished trials that are not reported to the strategy yet, in the order in which they finished. */
  get unreported(): (FinishedTrial & { decisions: number[]; finishedAs: number })[] {
    const sql = `SELECT number, decisions, reward, failure_kind, same_as, finished_as FROM trials
      WHERE told = 0 AND state IN ('done', 'failed') ORDER BY finished_as`;
    return this.#file
      .query(sql)
      .all()
      .map((row) => ({
        ...finishedOf(row),
        decisions: storedDecisions(this.#file, row),
        finishedAs: Number(row.finished_as),
      }));
  }

  /** Returns the trials that were reported to the strategy, by number. */
  get reported(): FinishedTrial[] {
    const sql = 'SELECT number, reward, failure_kind, same_as FROM trials WHERE told = 1 ORDER BY number';
    return this.#file.query(sql).all().map(finishedOf);
  }

  /** Trials whose cell a person named. */
  get byHand(): Set<number> {
    const sql = `SELECT trial FROM events WHERE kind = 'ask' AND detail LIKE '%"byHand":true%'`;
    const rows = this.#file.query(sql).all();
    return new Set(rows.map(({ trial }) => Number(trial)));
  }

  /** Returns the asks and tells after a sequence number, in their order. */
  strategyEvents(after: number): StrategyEvent[] {
    const sql = `SELECT sequence, kind, number, decisions, reward, failure_kind
      FROM events JOIN trials ON number = trial WHERE sequence > ? AND kind IN ('ask', 'tell') ORDER BY sequence`;
    const { byHand } = this;
    return this.#file
      .query(sql)
      .all(after)
      .map((row) => ({
        sequence: Number(row.sequence),
        kind: row.kind as 'ask' | 'tell',
        byHand: byHand.has(Number(row.number)),
        decisions: storedDecisions(this.#file, row),
        ...finishedOf(row),
      }));
  }

  /** Returns the stored snapshots, latest first. */
  get snapshots(): { sequence: number; strategy: string; bytes: Uint8Array }[] {
    const rows = this.#file.query('SELECT sequence, strategy, bytes FROM snapshots ORDER BY sequence DESC').all();
    return rows.map((row) => ({
      sequence: Number(row.sequence),
      strategy: String(row.strategy),
      bytes: Uint8Array.from(row.bytes as Uint8Array), // copied to its own buffer
    }));
  }
}

/** The end of an SQL statement that replaces the row of an epoch that was reported before. */
export const replacingEpoch = `ON CONFLICT DO UPDATE SET at = excluded.at, loss = excluded.loss, accuracy = excluded.accuracy,
  images_per_second = excluded.images_per_second, details = excluded.details`;

const finishedOf = (row: Row): FinishedTrial => ({
  number: Number(row.number),
  ...(row.same_as !== undefined && { sameAs: sameAsOf(row) }),
  outcome: outcomeOf(row),
});

/** Returns the outcome of a row that is done or failed, as it is reported. */
export const outcomeOf = (row: Row): Outcome =>
  row.failure_kind === null ? { reward: withinRange(Number(row.reward)) } : { failed: String(row.failure_kind) };

const sameAsOf = (row: Row) => (row.same_as === null ? undefined : Number(row.same_as));

/** Returns null for numbers that SQLite cannot store (NaN). */
export const finiteOrNull = (value: number | undefined) => (Number.isFinite(value) ? value! : null);

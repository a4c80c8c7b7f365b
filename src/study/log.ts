// A study as it is written: guarded transitions queued → running → done | failed, each one SQL statement that names the
// state it leaves, and beside each its event in the append-only log. Several calls inside study.transaction() are one commit.

import type { DatabaseFile, Row, Value } from '../database/file.ts';
import type { Outcome } from '../search/strategy.ts';
import type { EpochReport, Reward, TrialFailure } from './outcome.ts';
import { storedDecisions } from './stored-decisions.ts';

export interface UnfinishedTrial {
  number: number;
  decisions: number[];
  running: boolean;
}

export interface FinishedTrial {
  number: number;
  outcome: Outcome;
  /** The trial whose reward it took. */
  sameAs?: number | undefined;
}

/** What becomes of trainings: those of new trials are in the study's log, those of promoted ones in the log of their rung (rungs.ts). */
export interface TrainingLog {
  start(trial: number): void;
  /** Back to the queue: its worker died ('retry') or the search stopped ('requeue'). */
  putBack(trial: number, kind: 'retry' | 'requeue', reason: string): void;
  finish(trial: number, reward: Reward): void;
  fail(trial: number, failure: TrialFailure, workerSeconds: number): void;
  /** Whoever decides was told the outcome. Returns the event's place in the log. */
  tell(trial: number): number;
  epoch(trial: number, report: EpochReport): void;
}

/** One call of the strategy; an ask has no outcome yet, whatever `outcome` says. */
export interface StrategyEvent extends FinishedTrial {
  sequence: number;
  kind: 'ask' | 'tell';
  decisions: number[];
}

type TrainingEvent = 'start' | 'done' | 'fail' | 'tell' | 'retry' | 'requeue';
export type EventKind = TrainingEvent | 'ask' | 'update' | 'promote' | `rung-${TrainingEvent}`;

const keptSnapshots = 2; // one to load, one in case its bytes turn out damaged

export class StudyLog implements TrainingLog {
  readonly #file: DatabaseFile;

  constructor(file: DatabaseFile) {
    this.#file = file;
  }

  /** A new trial, queued. Returns the event's place in the log. */
  ask(trial: number, decisions: readonly number[]): number {
    const sql = `INSERT INTO trials (number, state, decisions, asked_at) VALUES (?, 'queued', ?, ?)`;
    this.#file.query(sql).run(trial, JSON.stringify(decisions), Date.now());
    return this.#event('ask', trial);
  }

  start(trial: number): void {
    const sql = `UPDATE trials SET state = 'running', attempts = attempts + 1, started_at = ? WHERE number = ? AND state = 'queued'`;
    this.#move(sql, trial, Date.now());
    this.#event('start', trial);
  }

  putBack(trial: number, kind: 'retry' | 'requeue', reason: string): void {
    this.#move(`UPDATE trials SET state = 'queued' WHERE number = ? AND state = 'running'`, trial);
    this.#event(kind, trial, reason);
  }

  finish(trial: number, { reward, seconds, details, sameAs }: Reward): void {
    const sequence = this.#event('done', trial);
    const sql = `UPDATE trials SET state = 'done', finished_as = ?, finished_at = ?, worker_seconds = ?, reward = ?, details = ?,
      same_as = ? WHERE number = ? AND state = 'running'`;
    this.#move(sql, trial, sequence, Date.now(), seconds, reward, json(details), sameAs ?? null);
  }

  fail(trial: number, { kind, message }: TrialFailure, workerSeconds: number): void {
    const sequence = this.#event('fail', trial);
    const sql = `UPDATE trials SET state = 'failed', finished_as = ?, finished_at = ?, worker_seconds = ?, failure_kind = ?,
      failure_message = ? WHERE number = ? AND state = 'running'`;
    this.#move(sql, trial, sequence, Date.now(), workerSeconds, kind, message);
  }

  /** The strategy was told the outcome. Returns the event's place in the log. */
  tell(trial: number): number {
    this.#move(`UPDATE trials SET told = 1 WHERE number = ? AND told = 0 AND state IN ('done', 'failed')`, trial);
    return this.#event('tell', trial);
  }

  epoch(trial: number, { epoch, loss, accuracy, imagesPerSecond, details }: EpochReport): void {
    const sql = `INSERT OR REPLACE INTO epochs (trial, attempt, epoch, at, loss, accuracy, images_per_second, details)
      SELECT number, attempts, ?, ?, ?, ?, ?, ? FROM trials WHERE number = ?`;
    const numbers = [loss, accuracy, imagesPerSecond].map(finiteOrNull);
    this.#file.query(sql).run(epoch, Date.now(), ...numbers, json(details), trial);
  }

  /** The strategy updated itself when it was told this trial; its own figures. */
  update(trial: number, figures: Record<string, number>): void {
    this.#event('update', trial, JSON.stringify(figures));
  }

  /** The strategy's whole state after the event at `sequence`. */
  snapshot(sequence: number, strategy: string, bytes: Uint8Array): void {
    this.#file.query('INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?)').run(sequence, strategy, bytes);
    const old =
      'DELETE FROM snapshots WHERE sequence NOT IN (SELECT sequence FROM snapshots ORDER BY sequence DESC LIMIT ?)';
    this.#file.query(old).run(keptSnapshots);
  }

  /** Trials without an outcome, by number: what must be evaluated, perhaps again. */
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

  /** Trials that finished and were not told yet, in the order in which they finished. */
  get untold(): (FinishedTrial & { decisions: number[]; finishedAs: number })[] {
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

  /** Trials that the strategy was told of, by number. */
  get told(): FinishedTrial[] {
    const sql = 'SELECT number, reward, failure_kind, same_as FROM trials WHERE told = 1 ORDER BY number';
    return this.#file.query(sql).all().map(finishedOf);
  }

  /** The asks and tells after a place in the log, in their order. */
  strategyEvents(after: number): StrategyEvent[] {
    const sql = `SELECT sequence, kind, number, decisions, reward, failure_kind
      FROM events JOIN trials ON number = trial WHERE sequence > ? AND kind IN ('ask', 'tell') ORDER BY sequence`;
    return this.#file
      .query(sql)
      .all(after)
      .map((row) => ({
        sequence: Number(row.sequence),
        kind: row.kind as 'ask' | 'tell',
        decisions: storedDecisions(this.#file, row),
        ...finishedOf(row),
      }));
  }

  /** The kept snapshots, latest first. */
  get snapshots(): { sequence: number; strategy: string; bytes: Uint8Array }[] {
    const rows = this.#file.query('SELECT sequence, strategy, bytes FROM snapshots ORDER BY sequence DESC').all();
    return rows.map((row) => ({
      sequence: Number(row.sequence),
      strategy: String(row.strategy),
      bytes: Uint8Array.from(row.bytes as Uint8Array), // in a buffer of its own
    }));
  }

  /** One guarded transition: the statement's last value is the trial, and it must find it in the state that it leaves. */
  #move(sql: string, trial: number, ...values: Value[]): void {
    if (this.#file.query(sql).run(...values, trial) === 1) return;
    throw new Error(`trial ${trial} is not in the state that this leaves: ${sql}`);
  }

  #event(kind: EventKind, trial: number, detail: string | null = null): number {
    return addEvent(this.#file, kind, trial, detail);
  }
}

/** Appends to the log and returns the event's place in it. */
export function addEvent(file: DatabaseFile, kind: EventKind, trial: number, detail: string | null = null): number {
  const sql = 'INSERT INTO events (at, kind, trial, detail) VALUES (?, ?, ?, ?)';
  return file.query(sql).insert(Date.now(), kind, trial, detail);
}

const finishedOf = (row: Row): FinishedTrial => ({
  number: Number(row.number),
  ...(row.same_as !== undefined && { sameAs: sameAsOf(row) }),
  outcome: outcomeOf(row),
});

/** Of a row that is done or failed. */
export const outcomeOf = (row: Row): Outcome =>
  row.failure_kind === null ? { reward: Number(row.reward) } : { failed: String(row.failure_kind) };

const sameAsOf = (row: Row) => (row.same_as === null ? undefined : Number(row.same_as));

export const json = (value: unknown) => (value === undefined ? null : JSON.stringify(value));
/** SQLite has no NaN. */
export const finiteOrNull = (value: number | undefined) => (Number.isFinite(value) ? value! : null);

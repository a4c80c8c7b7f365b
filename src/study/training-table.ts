// The state machine of all trainings, of trials, rungs and finalists: queued → running → done | failed. Each transition
// is one SQL statement with the state that it leaves, and one event in the log.

import type { DatabaseFile } from '../database/file.ts';
import type { Value } from '../database/row.ts';
import { addEvent, type EventKind, type TrainingEvent } from './events.ts';
import type { Reward, TrialFailure } from './outcome.ts';

/** The table and columns of one kind of trainings. `Key` identifies one of them. */
export interface TrainingKind<Key> {
  table: 'trials' | 'rungs' | 'finalist_runs';
  /** The key columns and their values. */
  columns: readonly string[];
  values(key: Key): readonly number[];
  trial(key: Key): number;
  /** "trial 3 at rung 1", for errors. */
  words(key: Key): string;
  event(kind: TrainingEvent): EventKind;
  detail(key: Key, about: { reason?: string } & StartOfTraining): string | null;
  /** The column of the accuracy. */
  reached: 'reward' | 'accuracy';
  /** Whether outcomes are reported, so that a column has the sequence number of the event that ended a training. */
  isReported: boolean;
}

/** The facts about an attempt that are known when a worker begins it. */
export interface StartOfTraining {
  /** The worker: "2", or "2 on HOST" where it is another machine. */
  worker?: string | undefined;
  /** The predicted seconds of the training. */
  predicted?: number | undefined;
}

export class TrainingTable<Key> {
  readonly #file: DatabaseFile;
  readonly #kind: TrainingKind<Key>;

  constructor(file: DatabaseFile, kind: TrainingKind<Key>) {
    this.#file = file;
    this.#kind = kind;
  }

  start(key: Key, about: StartOfTraining = {}): void {
    this.#move(`state = 'running', attempts = attempts + 1, started_at = ?`, `state = 'queued'`, key, [Date.now()]);
    this.#event('start', key, about);
  }

  /** Puts a training back into the queue: its worker died ('retry') or the search stopped ('requeue'). */
  putBack(key: Key, kind: 'retry' | 'requeue', reason: string): void {
    this.#move(`state = 'queued'`, `state = 'running'`, key);
    this.#event(kind, key, { reason });
  }

  finish(key: Key, { reward, seconds, details, sameAs }: Reward): void {
    const values: Record<string, Value> = { [this.#kind.reached]: reward, details: json(details) };
    if (sameAs !== undefined) values.same_as = sameAs;
    this.#end('done', key, seconds, values);
  }

  fail(key: Key, { kind, message }: TrialFailure, seconds: number): void {
    this.#end('fail', key, seconds, { failure_kind: kind, failure_message: message });
  }

  /** Puts a failed training back into the queue. */
  revive(key: Key, reason: string): void {
    this.#move(`state = 'queued', failure_kind = NULL, failure_message = NULL`, `state = 'failed'`, key);
    this.#event('requeue', key, { reason });
  }

  /** Records that the outcome was reported. Returns the event's sequence number. */
  tell(key: Key): number {
    this.#move('told = 1', `told = 0 AND state IN ('done', 'failed')`, key);
    return this.#event('tell', key);
  }

  #end(kind: 'done' | 'fail', key: Key, seconds: number, values: Record<string, Value>): void {
    const sequence = this.#event(kind, key);
    const all = {
      ...(this.#kind.isReported && { finished_as: sequence }),
      finished_at: Date.now(),
      worker_seconds: seconds,
      ...values,
    };
    const changes = Object.keys(all).map((column) => `${column} = ?`);
    const state = kind === 'done' ? 'done' : 'failed';
    this.#move([`state = '${state}'`, ...changes].join(', '), `state = 'running'`, key, Object.values(all));
  }

  /** Makes a transition. The training must be in the state that it leaves. */
  #move(change: string, from: string, key: Key, values: readonly Value[] = []): void {
    const { table, columns } = this.#kind;
    const sql = `UPDATE ${table} SET ${change} WHERE ${columns.map((column) => `${column} = ?`).join(' AND ')} AND ${from}`;
    if (this.#file.query(sql).run(...values, ...this.#kind.values(key)) === 1) return;
    throw new Error(`${this.#kind.words(key)} is not in the state of this transition: ${sql}`);
  }

  #event(kind: TrainingEvent, key: Key, about: { reason?: string } & StartOfTraining = {}): number {
    const { event, trial, detail } = this.#kind;
    return addEvent(this.#file, event(kind), trial(key), detail(key, about));
  }
}

export const json = (value: unknown) => (value === undefined ? null : JSON.stringify(value));

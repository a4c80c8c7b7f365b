// Reads a study: trials, epochs, counts, best trials. Every query uses an index, so it is fast at any size.

import { z } from 'zod';
import { checked, parsedJson } from '../checked.ts';
import type { DatabaseFile } from '../database/file.ts';
import type { Row } from '../database/row.ts';
import type { Rows } from '../database/rows.ts';
import type { TrialFailure } from './outcome.ts';
import { resultSchemas, type StudyResults } from './result-schemas.ts';
import { storedDecisions } from './stored-decisions.ts';

export type TrialState = 'queued' | 'running' | 'done' | 'failed';

export interface TrialRecord {
  number: number;
  state: TrialState;
  /** The strategy's decisions; `decode` of space/ returns the architecture. */
  decisions: number[];
  /** Validation accuracy, 0 to 1; null until done. */
  reward: number | null;
  failure: TrialFailure | null;
  /** Number of attempts: more than 1 after a crash or an interruption. */
  attempts: number;
  /** Milliseconds since 1970. */
  askedAt: number;
  startedAt: number | null;
  finishedAt: number | null;
  /** Duration in seconds of the attempt that produced the outcome. */
  workerSeconds: number | null;
  /** The trial whose reward was reused, since its architecture is the same graph. */
  sameAs: number | null;
  /** Details from the evaluator (JSON). */
  details: unknown;
}

export interface EpochRecord {
  epoch: number;
  loss: number | null;
  /** Validation accuracy, 0 to 1. */
  accuracy: number | null;
  imagesPerSecond: number | null;
  at: number;
  details: unknown;
}

export interface StudySummary {
  trials: Record<TrialState, number>;
  /** Number of failed trials by kind. */
  failures: Record<string, number>;
  /** The best trial, its reward and the rung of this reward: the highest that it reached. */
  best: { number: number; reward: number; rung: number } | null;
  /** Mean reward of all done trials; with a ladder at its lowest rung, as `latestMean`. */
  mean: number | null;
  /** Mean reward of the latest done trials by number. */
  latestMean: number | null;
  /** Seconds of search, without the pauses between processes. */
  searchSeconds: number;
  /** Total seconds of workers for finished trials, at all rungs. */
  workerSeconds: number;
  /** Number of attempts without an outcome: crashes, interruptions, kills. */
  lostAttempts: number;
  /** Done trials that reuse the reward of an earlier one of the same graph, and the worker seconds saved. */
  repeats: { trials: number; savedSeconds: number };
  sessions: number;
}

export interface ArmSummary {
  /** Number of trials with a reward. */
  done: number;
  /** Mean reward; null without rewards. */
  mean: number | null;
  best: number | null;
}

/** One update of the strategy: its figures, and the number of reported trials before it. */
export interface UpdateRecord {
  trial: number;
  at: number;
  figures: Record<string, number>;
}

/** The condition of the index over finished trials, so that queries of its columns use only the index. */
const finished = 'finished_as IS NOT NULL';
const done = `${finished} AND failure_kind IS NULL`;

const trialColumns =
  'number, state, decisions, reward, failure_kind, failure_message, attempts, asked_at, started_at, finished_at, worker_seconds, same_as, details';

export class StudyRecords {
  protected readonly file: DatabaseFile;

  constructor(file: DatabaseFile) {
    this.file = file;
  }

  get path(): string {
    return this.file.path;
  }

  /** All tables, for what reads them as a whole. */
  get rows(): Rows {
    return this.file;
  }

  /** Whether rows are verified by their checksums. Studies of formats before 6 have none until they are resumed. */
  get isVerified(): boolean {
    return this.file.isVerified;
  }

  /** Number of trials that were asked for. */
  get asked(): number {
    return Number(this.file.query('SELECT coalesce(max(number) + 1, 0) AS count FROM trials').get()!.count);
  }

  trial(number: number): TrialRecord | undefined {
    const row = this.file.query(`SELECT ${trialColumns} FROM trials WHERE number = ?`).get(number);
    return row && trialOf(this.file, row);
  }

  /** Returns at most `limit` trials by number, from number `from` on. */
  trials({ from = 0, limit = -1 }: { from?: number; limit?: number } = {}): TrialRecord[] {
    const sql = `SELECT ${trialColumns} FROM trials WHERE number >= ? ORDER BY number LIMIT ?`;
    return this.file
      .query(sql)
      .all(from, limit)
      .map((row) => trialOf(this.file, row));
  }

  /**
   * Returns the done trials with the highest rewards, best first; of equal ones the earlier first, and of one graph
   * only the trial that was trained. With a ladder, trials of a higher rung come first, since rewards of different
   * rungs are not comparable.
   */
  best(count = 1): TrialRecord[] {
    const climbed = this.climbed(count).map(({ trial }) => this.trial(trial)!);
    const higher = new Set(climbed.map(({ number }) => number));
    const best = `SELECT number AS place, reward AS height FROM trials WHERE ${done} AND same_as IS NULL
      ORDER BY height DESC, place LIMIT ?`;
    const sql = `SELECT ${trialColumns} FROM (${best}) JOIN trials ON number = place ORDER BY height DESC, place`;
    const others = this.file
      .query(sql)
      .all(count)
      .map((row) => trialOf(this.file, row));
    return [...climbed, ...others.filter(({ number }) => !higher.has(number))].slice(0, count);
  }

  /**
   * Returns trials that finished a rung above the lowest, with their highest rung and their reward there, in the order
   * of `best`.
   */
  climbed(count = -1): { trial: number; rung: number; reward: number }[] {
    const sql = `SELECT trial, max(rung) AS rung, reward FROM rungs WHERE state = 'done' GROUP BY trial
      ORDER BY rung DESC, reward DESC, trial LIMIT ?`; // SQLite returns the reward of the row with the maximum
    return this.file
      .query(sql)
      .all(count)
      .map((row) => ({ trial: Number(row.trial), rung: Number(row.rung), reward: Number(row.reward) }));
  }

  /**
   * Summarises the trials of `count` arms, which take turns: number of rewards, their mean and the best one. A reused
   * reward counts for the arm that asked for the trial. Trials before `from` belong to no arm.
   */
  arms(count: number, from = 0): ArmSummary[] {
    const sql = `SELECT number % ? AS arm, count(*) AS done, avg(reward) AS mean, max(reward) AS best
      FROM trials WHERE ${done} AND number >= ? GROUP BY arm`;
    const rows = new Map(
      this.file
        .query(sql)
        .all(count, from)
        .map((row) => [Number(row.arm), row]),
    );
    return Array.from({ length: count }, (_, arm) => {
      const { done = 0, mean = null, best = null } = rows.get(arm) ?? {};
      return { done: Number(done), mean: mean as number | null, best: best as number | null };
    });
  }

  /** Returns number, decisions and reward of the trained trial of every graph, in order. */
  evaluated(): { number: number; decisions: number[]; reward: number }[] {
    const sql = `SELECT number, decisions, reward FROM trials WHERE state = 'done' AND same_as IS NULL ORDER BY number`;
    return this.file
      .query(sql)
      .all()
      .map((row) => ({
        number: Number(row.number),
        decisions: storedDecisions(this.file, row),
        reward: Number(row.reward),
      }));
  }

  /**
   * Returns every trial with a reward, in order; with `trainedOnly` without those that reuse the reward of an earlier
   * one.
   */
  rewards({ trainedOnly = false } = {}): { trial: number; reward: number }[] {
    const sql = `SELECT number, reward FROM trials WHERE ${done}${trainedOnly ? ' AND same_as IS NULL' : ''} ORDER BY number`;
    return Array.from(this.file.query(sql).each(), ({ number, reward }) => ({
      trial: Number(number),
      reward: Number(reward),
    }));
  }

  /**
   * Returns the kinds of failures in the order of their first trials, each with the number of trials and the latest
   * message.
   */
  failures(): { kind: string; count: number; example: string }[] {
    const sql = `SELECT failure_kind AS kind, count(*) AS count, max(number), failure_message AS example FROM trials
      WHERE ${finished} AND failure_kind IS NOT NULL GROUP BY 1 ORDER BY min(number)`; // the message of the latest
    const rows = this.file.query(sql).all();
    return rows.map(({ kind, count, example }) => ({
      kind: String(kind),
      count: Number(count),
      example: String(example),
    }));
  }

  /** Returns the epochs of a trial's latest attempt, in order. */
  epochs(trial: number): EpochRecord[] {
    return this.epochsOf(trial, trial).get(trial) ?? [];
  }

  /** Returns the epochs of the latest attempts of all trials from `first` to `last`, by trial. */
  epochsOf(first: number, last: number): Map<number, EpochRecord[]> {
    const trials = Array.from({ length: last - first + 1 }, (_, index) => [first + index]);
    const sql = 'SELECT * FROM epochs WHERE trial BETWEEN ? AND ? ORDER BY trial, attempt, epoch';
    const rows = this.file.allOf('epochs', trials, sql, first, last);
    return new Map(
      [...Map.groupBy(rows, ({ trial }) => Number(trial))].map(([trial, own]) => [
        trial,
        latestAttempt(own).map((row) => epochOf(this.file, row)),
      ]),
    );
  }

  /** Returns the strategy's updates with their figures (entropy, clip fraction …), in order. */
  updates(): UpdateRecord[] {
    const sql = `SELECT at, trial, detail FROM events WHERE kind = 'update' ORDER BY sequence`;
    return this.file
      .query(sql)
      .all()
      .map((row) => updateOf(this.file, row));
  }

  /** Returns the latest update of the strategy; undefined if there is none. */
  latestUpdate(): UpdateRecord | undefined {
    const row = this.file
      .query(`SELECT at, trial, detail FROM events WHERE kind = 'update' ORDER BY sequence DESC LIMIT 1`)
      .get();
    return row && updateOf(this.file, row);
  }

  /** Returns counts and means; `latest` is the number of trials in the latest mean. */
  summary({ latest = 20 }: { latest?: number } = {}): StudySummary {
    const summary: StudySummary = {
      trials: { queued: 0, running: 0, done: 0, failed: 0 },
      failures: {},
      best: null,
      mean: null,
      latestMean: null,
      searchSeconds: 0,
      workerSeconds: 0,
      lostAttempts: 0,
      repeats: { trials: 0, savedSeconds: 0 },
      sessions: 0,
    };
    const columns =
      'count(*) AS count, avg(reward) AS mean, total(worker_seconds) AS seconds, total(attempts) AS attempts';
    const groups = `SELECT 'done' AS state, '' AS failure_kind, ${columns} FROM trials WHERE ${done} HAVING count(*) > 0
      UNION ALL SELECT 'failed', failure_kind, ${columns} FROM trials WHERE ${finished} AND failure_kind IS NOT NULL GROUP BY 2
      UNION ALL SELECT state, '', ${columns} FROM trials WHERE told = 0 AND state IN ('queued', 'running') GROUP BY 1`;
    for (const { state, failure_kind, count, mean, seconds, attempts } of this.file.query(groups).all()) {
      summary.trials[state as TrialState] += Number(count);
      summary.workerSeconds += Number(seconds);
      summary.lostAttempts += Number(attempts) - (state === 'queued' ? 0 : Number(count));
      if (state === 'failed') summary.failures[String(failure_kind)] = Number(count);
      if (state === 'done') summary.mean = Number(mean);
    }
    const [best] = this.best(1);
    const [highest] = this.climbed(1);
    if (best) summary.best = { number: best.number, reward: highest?.reward ?? best.reward!, rung: highest?.rung ?? 0 };
    const climbing = `SELECT total(worker_seconds) AS seconds, total(attempts) - total(state <> 'queued') AS lost FROM rungs`;
    const rungs = this.file.query(climbing).get()!;
    summary.workerSeconds += Number(rungs.seconds);
    summary.lostAttempts += Number(rungs.lost);
    const recent = `SELECT avg(reward) AS mean FROM
      (SELECT reward FROM trials WHERE state = 'done' ORDER BY number DESC LIMIT ?)`;
    summary.latestMean = this.file.query(recent).get(latest)!.mean as number | null;
    const repeats = `SELECT count(*) AS count, total(first.worker_seconds) AS seconds
      FROM trials AS again JOIN trials AS first ON first.number = again.same_as WHERE again.same_as IS NOT NULL`;
    const repeated = this.file.query(repeats).get()!;
    summary.repeats = { trials: Number(repeated.count), savedSeconds: Number(repeated.seconds) };
    const sessions = `SELECT count(*) AS count, total(searched_milliseconds) / 1000 AS seconds FROM sessions`;
    const session = this.file.query(sessions).get()!;
    summary.sessions = Number(session.count);
    summary.searchSeconds = Number(session.seconds);
    return summary;
  }

  /** Returns a result by name, or undefined. @throws InputError if it is damaged */
  result<Name extends keyof StudyResults>(name: Name): StudyResults[Name] | undefined {
    const row = this.file.query('SELECT value FROM results WHERE name = ?').get(name);
    return row && checked(resultSchemas[name], parsedJson(String(row.value), this.path, name), this.path, name);
  }
}

/**
 * Parses the details of a row; null if it has none.
 * @param what the name of the row in messages
 * @throws InputError if they are not JSON
 */
export const detailsOf = (file: DatabaseFile, row: Row, what: string): unknown =>
  row.details === null ? null : parsedJson(String(row.details), file.path, `details of ${what}`);

/** Returns the failure of a row; null if it has not failed. */
export const failureOf = (row: Row): TrialFailure | null =>
  row.state === 'failed' ? { kind: String(row.failure_kind), message: String(row.failure_message) } : null;

function trialOf(file: DatabaseFile, row: Row): TrialRecord {
  return {
    number: Number(row.number),
    state: row.state as TrialState,
    decisions: storedDecisions(file, row),
    reward: row.reward as number | null,
    failure: failureOf(row),
    attempts: Number(row.attempts),
    askedAt: Number(row.asked_at),
    startedAt: row.started_at as number | null,
    finishedAt: row.finished_at as number | null,
    workerSeconds: row.worker_seconds as number | null,
    sameAs: row.same_as as number | null,
    details: detailsOf(file, row, `trial ${row.number}`),
  };
}

const figures = z.record(z.string(), z.number());

function updateOf(file: DatabaseFile, row: Row): UpdateRecord {
  const what = `update at trial ${row.trial}`;
  const value = checked(figures, parsedJson(String(row.detail), file.path, what), file.path, what);
  return { trial: Number(row.trial), at: Number(row.at), figures: value };
}

export function epochOf(file: DatabaseFile, row: Row): EpochRecord {
  return {
    epoch: Number(row.epoch),
    loss: row.loss as number | null,
    accuracy: row.accuracy as number | null,
    imagesPerSecond: row.images_per_second as number | null,
    at: Number(row.at),
    details: detailsOf(file, row, `epoch ${row.epoch} of trial ${row.trial}`),
  };
}

/** Returns the rows of the latest attempt among those of one training, in order of their attempts. */
export const latestAttempt = (rows: readonly Row[]): Row[] =>
  rows.filter(({ attempt }) => attempt === rows.at(-1)?.attempt);

// What the page can ask of a study, each a function of its rows: the server answers over HTTP, the viewer from a file
// that was dropped on it, a report from what was asked when it was written. Every answer reads a range of an index.

import type { Row } from '../database/row.ts';
import type { Rows } from '../database/rows.ts';
import { type AttemptEvent, attempts, attemptsAfter, type Course, course, lastSequence } from './course.ts';
import { decisionsOf, groups, numberOrNull, type TrialRow, trialColumns, trialRows } from './trial-columns.ts';

/** The part of a study that does not change with every trial. Values of the file are unparsed JSON for the page. */
export interface StudyAnswer {
  /** The sequence number of the latest event. */
  sequence: number;
  asked: number;
  /** By name: what was decided before the search began. */
  settings: Record<string, unknown>;
  /** By name: dataset, machine, prediction, final model … */
  results: Record<string, unknown>;
  sessions: { process: number; host: string; opened: number; closed: number | null; searched: number }[];
}

export interface Epoch {
  attempt: number;
  epoch: number;
  at: number;
  loss: number | null;
  accuracy: number | null;
  imagesPerSecond: number | null;
}

export interface TrialAnswer extends TrialRow {
  failure: { kind: string; message: string } | null;
  /** All attempts at rung 0. */
  epochs: Epoch[];
  rungs: (RungRow & { epochs: Epoch[] })[];
  notes: string[];
}

export interface RungRow {
  trial: number;
  rung: number;
  state: string;
  reward: number | null;
  seconds: number | null;
  atRandom: boolean;
}

export interface SelectionAnswer {
  rungs: RungRow[];
  finalists: {
    trial: number;
    run: number;
    state: string;
    accuracy: number | null;
    seconds: number | null;
    failure: string | null;
  }[];
}

export interface FailuresAnswer {
  kinds: { kind: string; count: number }[];
  /** The latest ones. */
  latest: { trial: number; kind: string; message: string }[];
}

export interface RunningEpochs extends Epoch {
  trial: number;
  rung: number;
}

/** Everything after an event. */
export interface Changes extends Course {
  after: number;
  asked: number;
  /** Too much was recorded since then: the page reads the study again. */
  reload?: true;
  trials: TrialRow[];
  attempts: AttemptEvent[];
  /** The epochs of all trainings that run. */
  running: RunningEpochs[];
  /** Whether rungs or finalists changed. */
  selection: boolean;
  /** Where results, settings or sessions changed: what `study` answers. */
  study?: StudyAnswer;
}

const mostRows = 5000; // of changed trials in one message
const mostMessage = 8000; // characters of a failure's last lines

type Parameters = Record<string, string | undefined>;

/** Questions by name. Bytes are columns.ts's. */
export const answers = {
  study: (rows: Rows) => studyAnswer(rows),
  trials: (rows: Rows, { group, from, to }: Parameters) =>
    trialColumns(rows, oneOf(groups, group), whole(from, 0), whole(to, Number.MAX_SAFE_INTEGER)),
  trial: (rows: Rows, { number }: Parameters) => trialAnswer(rows, whole(number, 0)),
  course: (rows: Rows, { after }: Parameters) => course(rows, whole(after, 0)),
  attempts: (rows: Rows, { before, limit }: Parameters) =>
    attempts(rows, whole(before, Number.MAX_SAFE_INTEGER), Math.min(20_000, whole(limit, 4000))),
  selection: (rows: Rows) => selectionAnswer(rows),
  failures: (rows: Rows, { limit }: Parameters) => failuresAnswer(rows, Math.min(2000, whole(limit, 200))),
  changes: (rows: Rows, { after }: Parameters) => changes(rows, whole(after, 0)),
} satisfies Record<string, (rows: Rows, parameters: Parameters) => unknown>;

export type Question = keyof typeof answers;
export type Answer<Name extends Question> = ReturnType<(typeof answers)[Name]>;

/** A number of a question. @throws RangeError for anything else */
function whole(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (/^\d{1,16}$/.test(text)) return Number(text);
  throw new RangeError(`expected a whole number, got ${JSON.stringify(text)}`);
}

function oneOf<Choice extends string>(choices: readonly Choice[], text: string | undefined): Choice {
  const found = choices.find((choice) => choice === text);
  if (found) return found;
  throw new RangeError(`expected one of ${choices.join(', ')}, got ${JSON.stringify(text ?? null)}`);
}

const asked = (rows: Rows) => Number(rows.all('SELECT coalesce(max(number) + 1, 0) AS asked FROM trials')[0]!.asked);

export function studyAnswer(rows: Rows): StudyAnswer {
  const named = (table: string) =>
    Object.fromEntries(
      rows.all(`SELECT name, value FROM ${table}`).map(({ name, value }) => [String(name), parsed(value)]),
    );
  return {
    sequence: lastSequence(rows),
    asked: asked(rows),
    settings: named('settings'),
    results: named('results'),
    sessions: rows.all('SELECT * FROM sessions ORDER BY id').map((row) => ({
      process: Number(row.process),
      host: String(row.host),
      opened: Number(row.opened_at),
      closed: numberOrNull(row.closed_at),
      searched: Number(row.searched_milliseconds),
    })),
  };
}

function parsed(value: Row[string] | undefined): unknown {
  try {
    return JSON.parse(String(value));
  } catch {
    return null;
  }
}

function trialAnswer(rows: Rows, number: number): TrialAnswer | null {
  const [row] = trialRows(rows, [number]);
  if (!row) return null;
  const [record] = rows.all(
    'SELECT decisions, failure_kind, failure_message, details FROM trials WHERE number = ?',
    number,
  );
  const rungs = rungRows(rows, 'WHERE rungs.trial = ?', number);
  return {
    ...row,
    decisions: decisionsOf(record!.decisions),
    failure:
      record!.failure_kind === null
        ? null
        : { kind: String(record!.failure_kind), message: cut(String(record!.failure_message)) },
    epochs: rows.all('SELECT * FROM epochs WHERE trial = ? ORDER BY attempt, epoch', number).map(epochOf),
    rungs: rungs.map((rung) => ({
      ...rung,
      epochs: rows
        .all('SELECT * FROM rung_epochs WHERE trial = ? AND rung = ? ORDER BY attempt, epoch', number, rung.rung)
        .map(epochOf),
    })),
    notes: notesOf(parsed(record!.details)),
  };
}

const notesOf = (details: unknown): string[] => {
  const { notes } = (details ?? {}) as { notes?: unknown };
  return Array.isArray(notes) ? notes.filter((note) => typeof note === 'string') : [];
};

const epochOf = (row: Row): Epoch => ({
  attempt: Number(row.attempt),
  epoch: Number(row.epoch),
  at: Number(row.at),
  loss: numberOrNull(row.loss),
  accuracy: numberOrNull(row.accuracy),
  imagesPerSecond: numberOrNull(row.images_per_second),
});

function rungRows(rows: Rows, which: string, ...values: number[]): RungRow[] {
  const sql = `SELECT rungs.trial AS trial, rungs.rung AS rung, state, reward, worker_seconds, min(drawn) AS drawn
    FROM rungs LEFT JOIN promotions ON promotions.trial = rungs.trial AND promotions.rung = rungs.rung
    ${which} GROUP BY rungs.trial, rungs.rung ORDER BY rungs.trial, rungs.rung`;
  return rows.all(sql, ...values).map((row) => ({
    trial: Number(row.trial),
    rung: Number(row.rung),
    state: String(row.state),
    reward: numberOrNull(row.reward),
    seconds: numberOrNull(row.worker_seconds),
    atRandom: row.drawn === 1,
  }));
}

function selectionAnswer(rows: Rows): SelectionAnswer {
  const runs = rows.all('SELECT * FROM finalist_runs ORDER BY trial, run');
  return {
    rungs: rungRows(rows, ''),
    finalists: runs.map((row) => ({
      trial: Number(row.trial),
      run: Number(row.run),
      state: String(row.state),
      accuracy: numberOrNull(row.accuracy),
      seconds: numberOrNull(row.worker_seconds),
      failure: row.failure_kind === null ? null : `${row.failure_kind}: ${cut(String(row.failure_message))}`,
    })),
  };
}

function failuresAnswer(rows: Rows, limit: number): FailuresAnswer {
  const failed = 'finished_as IS NOT NULL AND failure_kind IS NOT NULL';
  const kinds = `SELECT failure_kind AS kind, count(*) AS count FROM trials WHERE ${failed} GROUP BY 1 ORDER BY 2 DESC`;
  const latest = `SELECT number, failure_kind, failure_message FROM trials WHERE ${failed} ORDER BY finished_as DESC LIMIT ?`;
  return {
    kinds: rows.all(kinds).map(({ kind, count }) => ({ kind: String(kind), count: Number(count) })),
    latest: rows.all(latest, limit).map((row) => ({
      trial: Number(row.number),
      kind: String(row.failure_kind),
      message: cut(String(row.failure_message)),
    })),
  };
}

/** The end of a long text: what a program printed last. */
const cut = (text: string) => (text.length > mostMessage ? `…${text.slice(-mostMessage)}` : text);

/** Returns everything after event `after`, and the epochs of what runs. */
export function changes(rows: Rows, after: number): Changes {
  const found = course(rows, after);
  const changed = rows
    .all('SELECT DISTINCT trial FROM events WHERE sequence > ? AND trial IS NOT NULL LIMIT ?', after, mostRows + 1)
    .map(({ trial }) => Number(trial));
  const common = { ...found, after, asked: asked(rows), running: runningEpochs(rows) };
  if (changed.length > mostRows)
    return {
      ...common,
      updates: [],
      policies: [],
      parents: [],
      byHand: [],
      predictions: [],
      reload: true,
      trials: [],
      attempts: [],
      selection: true,
    };
  const trainings = attemptsAfter(rows, after);
  const promoted = `SELECT 1 FROM events WHERE sequence > ? AND (kind = 'promote' OR kind LIKE 'rung-%' OR kind LIKE 'finalist-%') LIMIT 1`;
  return {
    ...common,
    trials: trialRows(rows, changed),
    attempts: trainings,
    selection: rows.all(promoted, after).length > 0,
  };
}

const mostRunning = 500;

function runningEpochs(rows: Rows): RunningEpochs[] {
  const open = `SELECT number FROM trials WHERE told = 0 AND state = 'running' ORDER BY number LIMIT ${mostRunning}`;
  const lowest = rows.all(open).flatMap(({ number }) =>
    latestEpochs(rows, 'epochs', 'trial = ?', Number(number)).map((epoch) => ({
      trial: Number(number),
      rung: 0,
      ...epoch,
    })),
  );
  const climbing = `SELECT trial, rung FROM rungs WHERE told = 0 AND state = 'running' LIMIT ${mostRunning}`;
  const higher = rows.all(climbing).flatMap(({ trial, rung }) =>
    latestEpochs(rows, 'rung_epochs', 'trial = ? AND rung = ?', Number(trial), Number(rung)).map((epoch) => ({
      trial: Number(trial),
      rung: Number(rung),
      ...epoch,
    })),
  );
  return [...lowest, ...higher];
}

function latestEpochs(rows: Rows, table: string, which: string, ...values: number[]): Epoch[] {
  const sql = `SELECT * FROM ${table} WHERE ${which} AND attempt = (SELECT max(attempt) FROM ${table} WHERE ${which}) ORDER BY epoch`;
  return rows.all(sql, ...values, ...values).map(epochOf);
}

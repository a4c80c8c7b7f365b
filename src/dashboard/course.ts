// What the log of a study says of its course: the strategy's updates and policies, where trials came from, predictions,
// attempts of trainings, and what a person asked for. The log is append-only, so everything is "after event N".

import type { Row } from '../database/row.ts';
import type { Rows } from '../database/rows.ts';

/** One event that begins or ends an attempt of a training. */
export interface AttemptEvent {
  sequence: number;
  /** Milliseconds since 1970. */
  at: number;
  kind: 'start' | 'done' | 'fail' | 'retry' | 'requeue';
  trial: number;
  /** The rung, for a training above the lowest rung. */
  rung?: number;
  /** The run, for a training of a finalist. */
  run?: number;
  worker?: string;
  predicted?: number;
}

export interface Course {
  /** The sequence number of the latest event that is in here. */
  sequence: number;
  updates: { trial: number; at: number; figures: Record<string, number> }[];
  /** `bytes` is base64 of one byte for each option of each decision: 255 is a probability of 1. */
  policies: { trial: number; update: number; arm: number; bytes: string }[];
  /** Trials and the trials whose decisions were changed for them. */
  parents: [trial: number, parent: number][];
  /** Trials whose cell a person named. */
  byHand: number[];
  /** Trials (at the lowest rung) and their predicted seconds. */
  predictions: [trial: number, seconds: number][];
  requests: { at: number; action: string; trials?: number }[];
}

const kinds = `'update', 'policy', 'ask', 'start', 'request'`;

/** Returns what the log says after event `after`, without attempts. */
export function course(rows: Rows, after: number): Course {
  const found: Course = {
    sequence: lastSequence(rows),
    updates: [],
    policies: [],
    parents: [],
    byHand: [],
    predictions: [],
    requests: [],
  };
  const sql = `SELECT sequence, at, kind, trial, detail FROM events
    WHERE sequence > ? AND kind IN (${kinds}) AND detail IS NOT NULL ORDER BY sequence`;
  for (const row of rows.each(sql, after)) addTo(found, row);
  return found;
}

export const lastSequence = (rows: Rows): number =>
  Number(rows.all('SELECT coalesce(max(sequence), 0) AS last FROM events')[0]!.last);

function addTo(found: Course, row: Row): void {
  const detail = objectOf(row);
  if (!detail) return;
  const [trial, at] = [Number(row.trial), Number(row.at)];
  if (row.kind === 'update') {
    const figures = Object.entries(detail).filter((entry): entry is [string, number] => typeof entry[1] === 'number');
    found.updates.push({ trial, at, figures: Object.fromEntries(figures) });
  } else if (row.kind === 'policy') {
    const { update, arm = 0, bytes } = detail;
    if (typeof update === 'number' && typeof arm === 'number' && typeof bytes === 'string')
      found.policies.push({ trial, update, arm, bytes });
  } else if (row.kind === 'ask') {
    if (typeof detail.parent === 'number') found.parents.push([trial, detail.parent]);
    if (detail.byHand === true) found.byHand.push(trial);
  } else if (row.kind === 'start') {
    if (typeof detail.predicted === 'number') found.predictions.push([trial, detail.predicted]);
  } else if (typeof detail.action === 'string') {
    const { action, trials } = detail;
    found.requests.push({ at, action, ...(typeof trials === 'number' && { trials }) });
  }
}

const attemptKinds = ['start', 'done', 'fail', 'retry', 'requeue'];
const allAttemptKinds = ['', 'rung-', 'finalist-']
  .flatMap((of) => attemptKinds.map((kind) => `'${of}${kind}'`))
  .join(', ');

/** Returns the latest `limit` events of attempts before event `before`, oldest first. */
export function attempts(rows: Rows, before: number, limit: number): AttemptEvent[] {
  const sql = `SELECT sequence, at, kind, trial, detail FROM events WHERE sequence < ? AND kind IN (${allAttemptKinds})
    ORDER BY sequence DESC LIMIT ?`;
  return rows.all(sql, before, limit).reverse().map(attemptOf);
}

export function attemptsAfter(rows: Rows, after: number): AttemptEvent[] {
  const sql = `SELECT sequence, at, kind, trial, detail FROM events WHERE sequence > ? AND kind IN (${allAttemptKinds})
    ORDER BY sequence`;
  return rows.all(sql, after).map(attemptOf);
}

function attemptOf(row: Row): AttemptEvent {
  const { rung, run, worker, predicted } = objectOf(row) ?? {};
  const kind = String(row.kind).split('-').at(-1) as AttemptEvent['kind'];
  return {
    sequence: Number(row.sequence),
    at: Number(row.at),
    kind,
    trial: Number(row.trial),
    ...(typeof rung === 'number' && { rung }),
    ...(typeof run === 'number' && { run }),
    ...(typeof worker === 'string' && { worker }),
    ...(typeof predicted === 'number' && { predicted }),
  };
}

/** Returns the JSON object of an event's detail; a text, such as the reason of a retry, is none. */
function objectOf({ detail }: Row): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(String(detail));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
